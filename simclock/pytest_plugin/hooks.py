"""The hooks that put tests into the simulation, one object for each session."""

from __future__ import annotations

import functools
import signal
from typing import TYPE_CHECKING, Any, Final, final

import pytest

from simclock.errors import UsageError
from simclock.exploration.stopping import Stop
from simclock.pytest_plugin import _seams
from simclock.pytest_plugin.plans import plan_test
from simclock.pytest_plugin.simulating import SimulatedTest, refusal
from simclock.schedules.store import FailureStore

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

    from simclock.pytest_plugin.options import Options

__all__ = ["Hooks"]

_SIMULATED: Final = pytest.StashKey[SimulatedTest]()
_STORE: Final = (".simclock", "failures")


@final
class Hooks:
    """Runs the tests that are to be simulated, and leaves all others alone.

    It is registered last of all plugins, so that among hooks that want to be first these are.
    """

    def __init__(self, config: pytest.Config, options: Options) -> None:
        """Serve the session of ``config``."""
        self._options = options
        self._store = FailureStore(config.rootpath.joinpath(*_STORE))
        self._said: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Refuse to replay one schedule in several tests."""
        if self._options.replay is None or session.config.option.collectonly:
            return
        count = sum(self._is_simulated(item) for item in session.items)
        if count != 1:
            found = "no simulated test was collected" if not count else f"{count} were collected"
            hint = "" if count else ": an unmarked one needs --simulate as well"
            raise pytest.UsageError(
                f"--replay is for one simulated test, and {found}{hint}; "
                "name the test as the report does: pytest path::test --replay TEXT"
            )

    def _is_simulated(self, item: pytest.Item) -> bool:
        try:
            return isinstance(item, pytest.Function) and plan_test(item, self._options) is not None
        except UsageError:
            return False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Take a simulated test away from whoever else would run it."""
        if isinstance(item, pytest.Function):
            try:
                self._take_over(item)
            except UsageError as error:
                # As the test's own setup, so that the setups of other plugins are complete.
                _replace(item, "setup", functools.partial(_refuse, str(error)))
        return (yield)

    def _take_over(self, item: pytest.Function) -> None:
        plan = plan_test(item, self._options)
        if plan is None:
            return
        lacking = _seams.missing(item)
        if lacking is not None:
            raise UsageError(f"this pytest has no {lacking}: use a simclock that supports it")
        # Subclasses of other plugins would open a real loop here.
        for name in ("setup", "runtest"):
            _replace(item, name, functools.partial(getattr(pytest.Function, name), item))
        simulated = item.stash[_SIMULATED] = SimulatedTest(item, plan, self._store)
        _replace(item, "repr_failure", functools.partial(_represent, simulated))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Give the item its function back, in case that another plugin wraps it."""
        __tracebackhide__ = True
        if _SIMULATED not in item.stash or not isinstance(item, pytest.Function):
            return (yield)
        function: Any = item.obj
        inner = getattr(getattr(function, "hypothesis", None), "inner_test", None)
        item.stash[_FUNCTION] = function
        try:
            return (yield)
        finally:
            item.obj = function
            if inner is not None:
                function.hypothesis.inner_test = inner

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Run a simulated test; tell pytest that it was run."""
        __tracebackhide__ = True
        simulated = pyfuncitem.stash.get(_SIMULATED, None)
        if simulated is None:
            return None
        pyfuncitem.obj = function = pyfuncitem.stash[_FUNCTION]
        if hasattr(function, "hypothesis"):
            # Hypothesis runs the examples; each is explored in worlds of its own.
            function.hypothesis.inner_test = self._example_runner(simulated)
            return None
        simulated.run(self._options.replay)
        return True

    def _example_runner(self, simulated: SimulatedTest) -> Callable[..., None]:
        def run_example(*instance: object, **given: Any) -> None:
            __tracebackhide__ = True
            owner = instance[0] if instance else None
            simulated.run_example(owner, given, self._options.replay)

        # Hypothesis shows the failing example as a call of this.
        run_example.__name__ = simulated.item.originalname
        return run_example

    @pytest.hookimpl(optionalhook=True, wrapper=True)
    def pytest_timeout_set_timer(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Let pytest-timeout's alarm end an exploration with its schedule told."""
        done = yield
        alarm: int | None = getattr(signal, "SIGALRM", None)
        if alarm is not None:
            original = signal.getsignal(alarm)
            if callable(original):
                signal.signal(alarm, _Alarm(item, original))
        return done

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect what there is to say about tests, from workers as well."""
        if report.when == "teardown":
            said = [text for name, text in report.user_properties if name == "simclock"]
            self._said += [f"{report.nodeid}: {text}" for text in said]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say it."""
        if self._said:
            terminalreporter.section("simclock")
            for line in self._said:
                terminalreporter.line(line)


_FUNCTION: Final = pytest.StashKey[Any]()


def _refuse(text: str) -> None:
    __tracebackhide__ = True
    raise refusal(text)


def _represent(simulated: SimulatedTest, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
    """Show a verdict, which no line of the test raised, without an empty traceback above it."""
    error = excinfo.value
    if isinstance(error, pytest.fail.Exception) and not error.pytrace:
        return str(error.msg)
    if simulated.has_lines:
        return type(simulated.item).repr_failure(simulated.item, excinfo)
    return "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])


def _replace(item: pytest.Function, method: str, by: Callable[..., object]) -> None:
    setattr(item, method, by)


@final
class _Alarm:
    """An alarm of pytest-timeout, which raises into whatever runs just then."""

    def __init__(self, item: pytest.Item, original: Any) -> None:
        self._item = item
        self._original = original

    def __call__(self, number: int, frame: FrameType | None) -> None:
        __tracebackhide__ = True
        simulated = self._item.stash.get(_SIMULATED, None)
        if simulated is None or not simulated.is_running:
            self._original(number, frame)
            return
        try:
            self._original(number, frame)
        except pytest.fail.Exception as failed:
            # As it is, it would become the result of a task, and the next run would have no alarm.
            raise Stop(failed, tells=True) from None
