"""``python -m simclock``: run, explore or replay one async function from a shell."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from simclock._cli import arguments, targets
from simclock.errors import ReplayDivergedError, SimulationError, UsageError
from simclock.exploration import explore, replay, run
from simclock.exploration.explore import unseen_error
from simclock.exploration.progress_line import ProgressLine
from simclock.exploration.world import require_main
from simclock.reports import notes
from simclock.reports.tracebacks import strip
from simclock.schedules import Schedule, decode
from simclock.schedules.store import DEFAULT_DIRECTORY, FailureStore
from simclock.simulation.current import current

if TYPE_CHECKING:
    import argparse

    from simclock.exploration import Exploration

__all__ = ["main"]

PASSED: Final = 0
FAILED: Final = 1
MISUSED: Final = 2
INTERRUPTED: Final = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Do what ``argv`` says and return the exit status: 0 passed, 1 failure found, 2 bad usage."""
    given = arguments.parse(sys.argv[1:] if argv is None else argv)
    try:
        program = _Program(given.target)
    except UsageError as error:
        return _misused(str(error))
    except Exception as error:  # noqa: BLE001 - whatever the program's own module raises
        _print_error(error, sys.stderr)
        return _misused(f"{given.target} cannot be imported")
    try:
        return _COMMANDS[given.command](program, given)
    except KeyboardInterrupt as interrupt:
        return _interrupted(interrupt)
    except BaseException as error:  # noqa: BLE001 - whatever the program fails with is its verdict
        if isinstance(error, SimulationError) and not program.has_started:
            return _misused(str(error))
        return _failed(error)


@final
class _Program:
    """The function that the target names, and what is known of its runs."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.name = targets.split(target)[1]
        self.has_started = False
        self.time = 0.0
        self.steps = 0
        function = require_main(targets.load(target))

        async def main() -> Any:
            self.has_started = True
            try:
                return await function()
            finally:
                simulation = current()
                self.time, self.steps = simulation.now, simulation.step

        main.__name__ = main.__qualname__ = self.name.rpartition(".")[2]
        self.main = main

    def command(self, given: argparse.Namespace) -> Callable[[Schedule], str]:
        """Return what makes the shell line that replays a schedule in the same world."""
        options: list[str] = []
        for name in ("reorder", "epoch", "limit_steps", "limit_virtual_time", "limit_wall_time"):
            value = getattr(given, name)
            if value is not None:
                options.append(f" --{name.replace('_', '-')} {value}")

        def command(schedule: Schedule) -> str:
            target = shlex.quote(self.target)
            return f"python -m simclock replay {target} '{schedule}'{''.join(options)}"

        return command


def _run(program: _Program, given: argparse.Namespace) -> int:
    for backend in arguments.backends(given):
        result = run(
            program.main,
            backend=backend,
            seed=given.seed,
            scheduler=given.scheduler,
            **arguments.world(given),
        )
        _say(
            f"passed: {program.name} on {backend}, {_count(program.steps, 'step')}, "
            f"{program.time:g}s of virtual time"
        )
        if result is not None:
            _say(f"  returned {result!r}")
    return PASSED


def _explore(program: _Program, given: argparse.Namespace) -> int:
    backends = arguments.backends(given)
    store = FailureStore(given.failures or DEFAULT_DIRECTORY)
    identity = _identity(program.target)
    status = _try_stored(program, given, store, identity, backends)
    if status is not None:
        return status
    line = ProgressLine(program.name, width=_width()) if sys.stderr.isatty() else None
    try:
        done = explore(
            program.main,
            backend=backends,
            schedules=given.schedules,
            scheduler=given.scheduler,
            seed=given.seed,
            cancel=arguments.cancel(given),
            workers=given.workers,
            stalls=given.stalls,
            on_failure="return",
            progress=None if line is None else line.show,
            replay_command=program.command(given),
            **arguments.world(given),
        )
    finally:
        if line is not None:
            line.clear()
    if done.failure is not None:
        exception = done.failure.exception
        store.save(identity, done.failure.schedule, _summary(exception))
        exception.add_note(notes(done.failure.story))
        return _failed(exception)
    if done.unseen:
        return _failed(unseen_error(done.unseen, done.schedules_run))
    _say(_describe(program.name, backends, given.scheduler, done))
    return PASSED


def _try_stored(
    program: _Program,
    given: argparse.Namespace,
    store: FailureStore,
    identity: str,
    backends: Sequence[str],
) -> int | None:
    """Replay the failures that are kept; forget those that are none any more."""
    for schedule in store.load(identity):
        if schedule.backend not in backends:
            continue
        try:
            _replay_one(program, given, schedule)
        except ReplayDivergedError:
            why = "no longer fits"
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the program fails with
            return _failed(error)
        else:
            why = "no longer fails"
        store.forget(identity, schedule)
        _say(f"a stored failing schedule {why} and was forgotten: {schedule}")
    return None


def _replay(program: _Program, given: argparse.Namespace) -> int:
    schedule = decode(given.schedule)
    _replay_one(program, given, schedule)
    _say(
        f"passed: {program.name} on {schedule.backend} under this schedule, "
        f"{_count(program.steps, 'step')}, {program.time:g}s of virtual time"
    )
    return PASSED


def _replay_one(program: _Program, given: argparse.Namespace, schedule: Schedule) -> None:
    replay(
        program.main,
        schedule=schedule,
        replay_command=program.command(given),
        **arguments.world(given),
    )


_COMMANDS: Final = {"run": _run, "explore": _explore, "replay": _replay}


# Texts.


def _describe(name: str, backends: Sequence[str], scheduler: str, done: Exploration) -> str:
    exhausted = "not exhausted"
    if done.exhausted:
        limit = "" if scheduler == "exhaustive" else f" with {scheduler}"
        exhausted = f"these are all there are{limit}"
    return (
        f"passed: {_count(done.schedules_run, 'schedule')} of {name} on {' and '.join(backends)}\n"
        f"  {done.distinct:,} distinct, {done.rate:,.0f} a second, {exhausted}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command line prints


def _misused(text: str) -> int:
    print(f"simclock: {text}", file=sys.stderr)  # noqa: T201 - as above
    return MISUSED


def _interrupted(interrupt: KeyboardInterrupt) -> int:
    for line in ("simclock: interrupted", *getattr(interrupt, "__notes__", ())):
        print(line, file=sys.stderr)  # noqa: T201 - as above
    return INTERRUPTED


def _failed(error: BaseException) -> int:
    _print_error(strip(error), sys.stdout)
    return FAILED


def _print_error(error: BaseException, stream: Any) -> None:
    print("".join(traceback.format_exception(error)), end="", file=stream, flush=True)


def _summary(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def _identity(target: str) -> str:
    """Return a name for ``target`` that is the same however its path is written."""
    where, function = targets.split(target)
    if where.endswith(".py"):
        path = os.path.relpath(Path(where).resolve())
        where = path.replace(os.sep, "/")
    return f"{where}:{function}"


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        return 80
