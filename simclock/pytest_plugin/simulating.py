"""One simulated test: its world, its exploration, and what becomes of a failure."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Coroutine, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast, final

import pytest

from simclock.errors import ReplayDivergedError, ScheduleTextError, SimulationError, UsageError
from simclock.exploration import explore, replay
from simclock.exploration.explore import unseen_error
from simclock.exploration.stopping import Stop
from simclock.pytest_plugin import _seams
from simclock.pytest_plugin.plans import TestPlan, inner_function, settle_backends
from simclock.pytest_plugin.progress import progress_line
from simclock.pytest_plugin.recipes import Placeholder, Recipes
from simclock.pytest_plugin.setting import Setting
from simclock.reports import notes
from simclock.reports.tracebacks import strip
from simclock.schedules import Schedule
from simclock.simulation.body import MainBody
from simclock.simulation.current import current

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from simclock.exploration import Exploration
    from simclock.schedules.store import FailureStore

__all__ = ["SimulatedTest"]

# How pytest ends a test that neither passed nor failed.
_OUTCOMES: Final = (pytest.skip.Exception, pytest.xfail.Exception, pytest.exit.Exception)
# How many examples Hypothesis tries unless it is told otherwise.
_EXAMPLES: Final = 100
_DRAINED: Final = ("capsys", "capfd", "capsysbinary", "capfdbinary")


@final
class SimulatedTest:
    """Runs one test in the simulation, as often as its plan says."""

    def __init__(self, item: pytest.Function, plan: TestPlan, store: FailureStore) -> None:
        """Prepare to run ``item``, whose fixtures are not set up yet."""
        self.item = item
        self.plan = plan
        self.store = store
        self.is_running = False
        self.has_lines = True
        self._function = inner_function(item)
        self._recipes = Recipes(item)
        self._setting: Setting | None = None
        self._runs = 0
        placeholder = Placeholder()
        for name in self._recipes.names():
            # pytest makes only what is missing among the arguments.
            item.funcargs[name] = placeholder
        if hasattr(item.obj, "hypothesis"):
            _seams.declare_fresh(item, self._recipes.names())

    def run(self, schedule: Schedule | None) -> None:
        """Explore the test, or replay ``schedule``; raise what the test fails with."""
        __tracebackhide__ = True
        main = self._main(self._function, {})
        with self._running():
            if schedule is not None:
                self._replay(main, schedule)
                return
            backends = self._backends()
            self._try_stored(main, backends)
            self._explore(main, backends, self.plan.options, saves=True)

    def run_example(
        self, instance: object, given: Mapping[str, Any], schedule: Schedule | None
    ) -> None:
        """Explore the test with the arguments that Hypothesis has drawn for one example.

        The schedules of the test are shared out among its examples.
        """
        __tracebackhide__ = True
        function: Any = self._function
        if instance is not None:
            function = function.__get__(instance)
        main = self._main(function, given)
        with self._running():
            if schedule is not None:
                self._replay(main, schedule)
                return
            share = max(1, self.plan.options["schedules"] // _EXAMPLES)
            options = {**self.plan.options, "schedules": share}
            self._explore(main, self._backends(), options, saves=False)

    def _backends(self) -> tuple[str, ...]:
        __tracebackhide__ = True
        try:
            return settle_backends(self.plan, self.item)
        except UsageError as error:
            problem = str(error)
        raise refusal(problem)

    @contextmanager
    def _running(self) -> Generator[None]:
        __tracebackhide__ = True
        self.is_running = True
        try:
            yield
        except Stop as stop:
            raise _untold(stop) from None
        finally:
            self.is_running = False
            self._abandon()

    # One run.

    def _main(
        self, function: Callable[..., Any], given: Mapping[str, Any]
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        async def main() -> None:
            __tracebackhide__ = True
            self._begin_run()
            setting = self._setting = Setting(self._recipes, function)
            body = MainBody(current())
            failure: BaseException | None = None
            try:
                arguments = await setting.furnish()
                with body.running():
                    await setting.test(**{**given, **arguments})
            except (KeyboardInterrupt, SystemExit):
                setting.abandon()
                raise
            except BaseException as error:  # noqa: BLE001 - whatever it is, fixtures are undone first
                failure = error
            _conclude(failure, await setting.clear())

        # The report names tasks after the functions they run.
        main.__qualname__ = main.__name__ = self.item.originalname
        return main

    def _begin_run(self) -> None:
        """Clear away what the run before has left in fixtures that are made once."""
        self._abandon()
        self._runs += 1
        if self._runs == 1:
            return
        _seams.forget_output(self.item.config)
        # A user's fixture of the same name is made in the world, and no business of ours.
        funcargs: dict[str, Any] = {
            name: value
            for name, value in self.item.funcargs.items()
            if not isinstance(value, Placeholder)
        }
        for name in _DRAINED:
            if name in funcargs:
                funcargs[name].readouterr()
        for name in ("caplog", "recwarn"):
            if name in funcargs:
                funcargs[name].clear()
        if "tmp_path" in funcargs and "pytester" not in funcargs:
            _empty(funcargs["tmp_path"])

    def _abandon(self) -> None:
        if self._setting is not None:
            self._setting.abandon()
            self._setting = None

    # Many runs.

    def _explore(
        self,
        main: Callable[..., Any],
        backends: tuple[str, ...],
        options: Mapping[str, Any],
        *,
        saves: bool,
    ) -> None:
        __tracebackhide__ = True
        progress = progress_line(self.item)
        refused: SimulationError | None = None
        done: Exploration | None = None
        try:
            done = explore(
                main,
                backend=backends[0] if len(backends) == 1 else backends,
                progress=None if progress is None else progress.show,
                replay_command=self._command,
                on_failure="return",
                **options,
            )
        except SimulationError as error:
            refused = error
        finally:
            if progress is not None:
                progress.clear()
        if isinstance(refused, UsageError):
            raise refusal(str(refused))
        if refused is not None:
            raise self._stripped(refused)
        assert done is not None
        if done.failure is not None:
            exception = done.failure.exception
            if saves and isinstance(exception, Exception):
                self.store.save(self.item.nodeid, done.failure.schedule, _summary(exception))
            note = notes(done.failure.story)
            if note not in getattr(exception, "__notes__", ()):
                exception.add_note(note)
            raise self._stripped(exception)
        if done.unseen:
            raise self._stripped(unseen_error(done.unseen, done.schedules_run))

    def _replay(self, main: Callable[..., Any], schedule: Schedule) -> None:
        __tracebackhide__ = True
        failure: BaseException | None = None
        try:
            replay(main, schedule=schedule, replay_command=self._command, **self.plan.world)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - raised below, where it gets no other context
            failure = error
        if failure is not None:
            raise self._stripped(failure)

    def _try_stored(self, main: Callable[..., Any], backends: tuple[str, ...]) -> None:
        """Replay the failures of earlier sessions; forget those that are none any more."""
        __tracebackhide__ = True
        for schedule in self.store.load(self.item.nodeid):
            if schedule.backend not in backends:
                continue
            try:
                self._replay(main, schedule)
            except (ReplayDivergedError, ScheduleTextError):
                self._forget(schedule, "no longer fits this test")
            else:
                self._forget(schedule, "no longer fails")

    def _forget(self, schedule: Schedule, why: str) -> None:
        self.store.forget(self.item.nodeid, schedule)
        self.say(f"a stored failing schedule {why} and was forgotten: {schedule}")

    def _stripped(self, error: BaseException) -> BaseException:
        """Return ``error`` as it is to be shown, and remember whether any line is to blame."""
        if error.__cause__ is not None:
            strip(error.__cause__)
        strip(error)
        self.has_lines = error.__traceback__ is not None or error.__cause__ is not None
        return error

    def say(self, text: str) -> None:
        """Have ``text`` shown at the end of the session, beside the name of the test."""
        self.item.user_properties.append(("simclock", text))

    def _command(self, schedule: Schedule) -> str:
        config = self.item.config
        path, colons, rest = self.item.nodeid.partition("::")
        try:
            path = os.path.relpath(config.rootpath / path, config.invocation_params.dir)
        except ValueError:
            # Another drive on Windows: the path from the root is the best there is.
            colons = colons or ""
        name = shlex.quote(f"{path.replace(os.sep, '/')}{colons}{rest}")
        simulate = "" if self.plan.by_marker else " --simulate"
        return f"pytest {name}{simulate} --replay '{schedule}'"


def _conclude(failure: BaseException | None, undoing: list[tuple[str, BaseException]]) -> None:
    """Raise what a run failed with: in the test first of all, in undoing fixtures else."""
    __tracebackhide__ = True
    if failure is None or (undoing and _is_cancellation(failure)):
        _raise_undoing(undoing)
        return
    for name, error in undoing:
        failure.add_note(f"Then undoing fixture {name!r} failed: {error!r}")
    outcome = _find_outcome(failure)
    raise failure if outcome is None else Stop(outcome, tells=False)


def _raise_undoing(undoing: list[tuple[str, BaseException]]) -> None:
    __tracebackhide__ = True
    if not undoing:
        return
    for name, error in undoing:
        error.add_note(f"while undoing fixture {name!r}")
    if len(undoing) == 1:
        raise undoing[0][1]
    raise BaseExceptionGroup("undoing fixtures failed", [error for _, error in undoing])


def _is_cancellation(error: BaseException) -> bool:
    import anyio  # noqa: PLC0415 - only runs that are cancelled need it

    return isinstance(error, anyio.get_cancelled_exc_class())


def _find_outcome(failure: BaseException) -> BaseException | None:
    """Return the skip or xfail that ``failure`` is, or that is all there is in its group."""
    while isinstance(failure, BaseExceptionGroup):
        inner = list(cast("BaseExceptionGroup[BaseException]", failure).exceptions)
        if len(inner) > 1:
            return None
        failure = inner[0]
    return failure if isinstance(failure, _OUTCOMES) else None


def _untold(stop: Stop) -> BaseException:
    """Return what ``stop`` stands for, with what was told about the run that it ended."""
    reason = stop.reason
    told: list[str] = getattr(stop, "__notes__", [])
    if told and isinstance(reason, pytest.fail.Exception):
        return pytest.fail.Exception("\n".join([str(reason.msg), *told]), pytrace=False)
    return reason


def _summary(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def _empty(folder: Path) -> None:
    """Remove everything in ``folder``."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def refusal(text: str) -> BaseException:
    """Return what fails a test with ``text`` alone: no line of the test is to blame."""
    return pytest.fail.Exception(text, pytrace=False)
