"""Exploring: run, vary, stop at the first failure, shrink it, and hand it back with its story."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Final, final

from simclock.errors import NondeterminismError, UnseenError
from simclock.exploration.announced import announced_hopes
from simclock.exploration.distinct import DistinctCount
from simclock.exploration.planner import Planner, SystematicPlanner, make_planner
from simclock.exploration.recording import Replayed, check_same_course, record, replay
from simclock.exploration.runs import Plan, Runner
from simclock.exploration.shrinking import shrink
from simclock.exploration.signature import signature
from simclock.exploration.world import Main, World
from simclock.kernel import Trace
from simclock.reports import FailureStory, tell
from simclock.schedulers import Scheduler, SystematicScheduler
from simclock.schedulers.arrivals import Arrivals
from simclock.schedulers.portfolio import Portfolio
from simclock.schedules import Kind, Schedule
from simclock.simulation.outcome import Outcome

__all__ = [
    "Exploration",
    "Explorer",
    "Failure",
    "Found",
    "Progress",
    "story_of_replay",
    "unseen_error",
]

# One schedule in so many is run twice, to see whether it takes the same course.
CHECK_EVERY: Final = 32
_ARRIVALS_TRIED: Final = 100


@final
@dataclass(frozen=True, slots=True)
class Failure:
    """A failure that was found, shrunk and confirmed.

    ``exception`` is the original exception, or the verdict; ``schedule`` replays it; ``trace``
    is the detailed trace of the shrunk run; ``number`` says as which schedule it was found.
    """

    exception: BaseException
    schedule: Schedule
    trace: Trace
    number: int
    label: str
    story: FailureStory

    def report(self) -> str:
        """Return the story of the failure as text."""
        return tell(self.story)


@final
@dataclass(frozen=True, slots=True)
class Exploration:
    """What came of an exploration.

    ``distinct`` counts different traces (exact up to 16,384); ``exhausted`` tells that every
    schedule of the scheduler's space was tried: with ``exhaustive`` those are all there are, with
    ``delays:d`` those with at most ``d`` delays; ``rate`` is in schedules a real second.
    """

    failure: Failure | None
    schedules_run: int
    distinct: int
    exhausted: bool
    rate: float
    replay_command: str | None = None
    seen: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Progress:
    """How far an exploration has come, for whoever shows it."""

    schedules_run: int
    schedules: int
    distinct: int
    rate: float


@final
@dataclass(frozen=True, slots=True)
class Found:
    """A failing schedule as it was found, before shrinking."""

    number: int
    plan: Plan
    outcome: Outcome


@final
@dataclass(frozen=True, slots=True)
class Findings:
    """What one of several processes has seen."""

    schedules_run: int
    seconds: float
    distinct: list[int]
    hoped: list[str]
    seen: list[str]


@final
class Explorer:
    """Explores one program on one backend."""

    def __init__(
        self,
        main: Main,
        args: Sequence[Any],
        world: World,
        *,
        fresh: Callable[[], Scheduler | Portfolio],
        cancel: bool | str = False,
        stalls: float | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Prepare to explore with the scheduler that ``fresh`` makes; nothing runs yet."""
        self.runner = Runner(main, args, world)
        self._scheduler = fresh()
        self._fresh = fresh
        self._cancel = cancel
        self._stalls = stalls
        self.progress = progress
        self.distinct = DistinctCount()
        self.hoped: dict[str, None] = dict.fromkeys(announced_hopes(main))
        self.seen: dict[str, None] = {}
        self.number: int | None = None
        self.schedules_run = 0
        self.seconds = 0.0
        self.exhausted = False

    @property
    def is_systematic(self) -> bool:
        """Whether each run depends on the one before, so that processes cannot share them."""
        return isinstance(self._scheduler, SystematicScheduler)

    def search(
        self, numbers: Sequence[int], stop: Callable[[int], bool] | None = None
    ) -> Found | None:
        """Run the schedules ``numbers`` in order; return the first that fails, if any does.

        ``stop(number)`` may end the search early.
        """
        started = perf_counter()
        try:
            return self._search(numbers, stop)
        finally:
            self.seconds += perf_counter() - started

    def _search(self, numbers: Sequence[int], stop: Callable[[int], bool] | None) -> Found | None:
        planner = make_planner(
            self.runner, self._scheduler, self._fresh, cancel=self._cancel, stalls=self._stalls
        )
        started = perf_counter()
        for number in numbers:
            if stop is not None and stop(number):
                break
            plan = planner.plan(number)
            if plan is None:
                self.exhausted = True
                break
            self.number = number
            outcome = self.runner.run(plan)
            self._note(outcome, planner)
            if outcome.failure is not None:
                return Found(number, plan, outcome)
            if number % CHECK_EVERY == CHECK_EVERY // 2 and not isinstance(
                planner, SystematicPlanner
            ):
                check_same_course(outcome, self.runner.run(plan))
            if self.progress is not None:
                rate = self.schedules_run / max(perf_counter() - started, 1e-9)
                count = int(self.distinct)
                self.progress(Progress(self.schedules_run, len(numbers), count, rate))
        return None

    def _note(self, outcome: Outcome, planner: Planner | SystematicPlanner) -> None:
        self.schedules_run += 1
        simulation = outcome.simulation
        self.distinct.add(simulation.trace.digest(simulation.applied))
        if isinstance(planner, SystematicPlanner):
            planner.note(outcome)
        if simulation.promises is not None:
            self.hoped.update(simulation.promises.hoped)
            self.seen.update(simulation.promises.seen)

    def explain(self, found: Found, command: Callable[[Schedule], str]) -> Failure:
        """Shrink what was found, run it once more in detail, and put the story together.

        Raises :class:`~simclock.errors.NondeterminismError` if it does not fail again.
        """
        failure = found.outcome.failure
        assert failure is not None
        recorded = record(self.runner, found.outcome, found.plan.seed)
        second = recorded.outcome.failure
        if second is None or signature(second) != signature(failure):
            raise NondeterminismError(
                step=found.outcome.simulation.step,
                first=f"failed with {failure!r}",
                second="passed" if second is None else f"failed with {second!r}",
            ) from failure
        schedule, runs = shrink(self.runner, recorded, failure)
        again = replay(self.runner, schedule, strict=True, observing=True)
        return self._tell(found, schedule, again, runs, command)

    def _tell(
        self,
        found: Found,
        schedule: Schedule,
        again: Replayed,
        shrunk_in: int,
        command: Callable[[Schedule], str],
    ) -> Failure:
        outcome = again.outcome
        exception = outcome.failure
        assert exception is not None
        simulation = outcome.simulation
        story = replace(
            story_of_replay(schedule, again, command(schedule)),
            number=found.number,
            label=found.plan.label,
            shrunk_in=shrunk_in,
            reorder=self.runner.world.reorder,
            arrivals=self._fails_under_arrivals(schedule, exception),
        )
        trace = simulation.trace
        return Failure(exception, schedule, trace, found.number, found.plan.label, story)

    def _fails_under_arrivals(self, schedule: Schedule, exception: BaseException) -> str:
        """Say whether the failure needs tasks out of order, as far as some tries can tell."""
        if self.runner.world.reorder == "arrivals" or not isinstance(exception, Exception):
            return ""
        if not any(d.kind in {Kind.RUN, Kind.HOLD} for d in schedule.deviations):
            return "yes"
        wanted = signature(exception)
        portfolio = Portfolio()
        injected = tuple(d for d in schedule.deviations if d.kind in {Kind.CANCEL, Kind.COLLECT})
        for number in range(_ARRIVALS_TRIED):
            member = portfolio.member(number)
            plan = Plan(
                schedule.seed + number, Arrivals(member.scheduler), injected, member.stall_rate
            )
            outcome = self.runner.run(plan)
            if outcome.failure is not None and signature(outcome.failure) == wanted:
                return "yes"
        return "unseen"

    def findings(self) -> Findings:
        """Return what this process has seen, for :meth:`merge` in another."""
        return Findings(
            self.schedules_run,
            self.seconds,
            self.distinct.values,
            list(self.hoped),
            list(self.seen),
        )

    def merge(self, other: Findings) -> None:
        """Add what another process has seen."""
        self.schedules_run += other.schedules_run
        self.seconds = max(self.seconds, other.seconds)
        self.distinct.merge(other.distinct)
        self.hoped.update(dict.fromkeys(other.hoped))
        self.seen.update(dict.fromkeys(other.seen))

    def conclude(self, failure: Failure | None) -> Exploration:
        """Return what came of the search."""
        return Exploration(
            failure=failure,
            schedules_run=self.schedules_run,
            distinct=int(self.distinct),
            exhausted=self.exhausted,
            rate=self.schedules_run / self.seconds if self.seconds else 0.0,
            replay_command=None if failure is None else failure.story.replay_command,
            seen=tuple(self.seen),
            unseen=tuple(message for message in self.hoped if message not in self.seen),
        )


def story_of_replay(schedule: Schedule, again: Replayed, command: str) -> FailureStory:
    """Return the story of a replayed failure."""
    simulation = again.outcome.simulation
    assert again.outcome.failure is not None
    return FailureStory(
        exception=again.outcome.failure,
        schedule=schedule,
        events=tuple(simulation.trace.events),
        names=tuple(simulation.names()),
        passed_over=again.passed_over,
        steps=simulation.taken,
        replay_command=command,
    )


def unseen_error(unseen: Sequence[str], schedules: int) -> UnseenError:
    """Return the error for promises of the exploration that were never seen to hold."""
    listed = "\n".join(f"  {message}" for message in unseen)
    return UnseenError(f"in {schedules} schedules, these were never seen:\n{listed}")
