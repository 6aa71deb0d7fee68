"""The three calls: run once, explore many schedules, replay one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from simclock.errors import ReplayDivergedError, ScheduleTextError, UsageError
from simclock.exploration.explore import (
    Exploration,
    Explorer,
    Progress,
    story_of_replay,
    unseen_error,
)
from simclock.exploration.interrupted import tell_interrupt
from simclock.exploration.recording import replay as replay_schedule
from simclock.exploration.runs import Plan, Runner
from simclock.exploration.workers import explore_in_processes
from simclock.exploration.world import Main, World, require_main, unpack_backends
from simclock.kernel import DEFAULT_LIMITS, Limits
from simclock.reports import notes
from simclock.schedulers import Scheduler, resolve
from simclock.schedulers.arrivals import Arrivals
from simclock.schedulers.portfolio import Portfolio
from simclock.schedules import Schedule, decode
from simclock.simulation.boundary import EPOCH

__all__ = ["explore", "replay", "run"]


def run(
    main: Main,
    *args: Any,
    backend: str = "asyncio",
    seed: int = 0,
    scheduler: str | Scheduler = "fifo",
    limits: Limits = DEFAULT_LIMITS,
    epoch: float = EPOCH,
    reorder: str = "tasks",
) -> Any:
    """Run ``main(*args)`` once in a simulated world and return its result.

    Raises what ``main`` raises, or a verdict such as :class:`~simclock.errors.DeadlockError`.
    With the default scheduler the order is the stock loop's; time is virtual in any case.
    """
    main = require_main(main)
    world = World(backend, seed, limits, epoch, reorder)
    chosen = resolve(scheduler)
    if isinstance(chosen, Portfolio):
        raise UsageError("run() takes one scheduler; 'portfolio' is many: call explore()")
    if reorder == "arrivals":
        chosen = Arrivals(chosen)
    calm = scheduler == "fifo"
    with Runner(main, args, world, warm_up=False) as runner:
        outcome = runner.run(Plan(seed, None if calm else chosen))
    if outcome.failure is not None:
        raise outcome.failure
    return outcome.value


def explore(
    main: Main,
    *args: Any,
    backend: str | Sequence[str] = "asyncio",
    schedules: int = 1_000,
    scheduler: str | Scheduler = "portfolio",
    seed: int = 0,
    cancel: bool | str = False,
    workers: int = 1,
    stalls: float | None = None,
    limits: Limits = DEFAULT_LIMITS,
    epoch: float = EPOCH,
    reorder: str = "tasks",
    on_failure: str = "raise",
    progress: Callable[[Progress], None] | None = None,
    replay_command: Callable[[Schedule], str] | None = None,
) -> Exploration:
    """Run ``main(*args)`` under up to ``schedules`` schedules, until a promise breaks.

    The first failure is shrunk, replayed, and re-raised as the original exception, with the
    report in its notes; ``on_failure="return"`` puts it into the returned :class:`Exploration`
    instead. ``cancel=True`` also cancels ``main`` once, at each of its steps in turn, as a
    timeout around the call would; ``cancel="tasks"`` each other task. ``stalls`` is the
    probability that time passes before a step although a task can run (by default the scheduler
    decides). With several ``backend``s each is explored. The same arguments find the same
    failure, whatever ``workers`` is.
    """
    main = require_main(main)
    backends = unpack_backends(backend)
    _check_exploration(schedules, cancel, workers, stalls, on_failure)
    command = replay_command or _default_command(main)
    done: list[Exploration] = []
    for name in backends:
        world = World(name, seed, limits, epoch, reorder)

        def make(world: World = world) -> Explorer:
            fresh = functools.partial(resolve, scheduler)
            return Explorer(
                main, args, world, fresh=fresh, cancel=cancel, stalls=stalls, progress=progress
            )

        done.append(_explore_one(make, schedules, workers, command))
        if done[-1].failure is not None:
            break
    return _conclude(_join(done), on_failure)


def replay(
    main: Main,
    *args: Any,
    schedule: str | Schedule,
    backend: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    epoch: float = EPOCH,
    reorder: str = "tasks",
    replay_command: Callable[[Schedule], str] | None = None,
) -> Any:
    """Run ``main(*args)`` once more as ``schedule`` says, and return its result.

    Raises what the recorded run raised, with the report in its notes;
    :class:`~simclock.errors.ReplayDivergedError` if a recorded decision no longer fits, and
    :class:`~simclock.errors.ScheduleTextError` if the text is damaged or, with ``backend``
    given, recorded on another one.
    """
    main = require_main(main)
    recorded = decode(schedule) if isinstance(schedule, str) else schedule
    command = replay_command or _default_command(main)
    if backend is not None and backend != recorded.backend:
        raise ScheduleTextError(
            f"this schedule was recorded on {recorded.backend} and cannot replay on {backend}: "
            f"run it with backend={recorded.backend!r}"
        )
    world = World(recorded.backend, recorded.seed, limits, epoch, reorder)
    with Runner(main, args, world) as runner:
        again = replay_schedule(runner, recorded, strict=True, observing=True)
    outcome = again.outcome
    failure = outcome.failure
    if failure is None:
        return outcome.value
    if not isinstance(failure, ReplayDivergedError):
        _add_note(failure, notes(story_of_replay(recorded, again, command(recorded))))
    raise failure


def _check_exploration(
    schedules: object, cancel: object, workers: object, stalls: object, on_failure: object
) -> None:
    for name, value in (("schedules", schedules), ("workers", workers)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise UsageError(f"{name} is a whole number >= 1, not {value!r}")
    if cancel != "tasks" and not isinstance(cancel, bool):
        raise UsageError(f"cancel is False, True or 'tasks', not {cancel!r}")
    if stalls is not None and not (isinstance(stalls, (int, float)) and 0 <= stalls <= 1):
        raise UsageError(f"stalls is a probability from 0 to 1, not {stalls!r}")
    if on_failure not in ("raise", "return"):
        raise UsageError(f"on_failure is 'raise' or 'return', not {on_failure!r}")


def _default_command(main: Main) -> Callable[[Schedule], str]:
    name = getattr(inspect.unwrap(main), "__name__", "main")
    return lambda schedule: f"simclock.replay({name}, schedule={str(schedule)!r})"


def _explore_one(
    make: Callable[[], Explorer],
    schedules: int,
    workers: int,
    command: Callable[[Schedule], str],
) -> Exploration:
    explorer = make()
    if workers > 1 and not explorer.is_systematic:
        return explore_in_processes(explorer, make, schedules, workers, command)
    try:
        with explorer.runner:
            found = explorer.search(range(schedules))
            failure = None if found is None else explorer.explain(found, command)
    except KeyboardInterrupt as interrupt:
        tell_interrupt(explorer.runner, interrupt, explorer.schedules_run, command)
        raise
    return explorer.conclude(failure)


def _join(done: Sequence[Exploration]) -> Exploration:
    """Return the explorations of several backends as one."""
    last = done[-1]
    seconds = sum(each.schedules_run / each.rate for each in done if each.rate)
    schedules_run = sum(each.schedules_run for each in done)
    seen = {message for each in done for message in each.seen}
    return replace(
        last,
        schedules_run=schedules_run,
        distinct=sum(each.distinct for each in done),
        exhausted=all(each.exhausted for each in done),
        rate=schedules_run / seconds if seconds else 0.0,
        unseen=tuple(dict.fromkeys(m for each in done for m in each.unseen if m not in seen)),
    )


def _conclude(done: Exploration, on_failure: str) -> Exploration:
    if on_failure == "return":
        return done
    if done.failure is not None:
        exception = done.failure.exception
        _add_note(exception, notes(done.failure.story))
        raise exception
    if done.unseen:
        raise unseen_error(done.unseen, done.schedules_run)
    return done


def _add_note(exception: BaseException, note: str) -> None:
    # One exception object may fail several runs, if the program keeps it.
    if note not in getattr(exception, "__notes__", ()):
        exception.add_note(note)
