"""From a run back to its schedule, and from a schedule to a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

from simclock.errors import NondeterminismError, ReplayDivergedError
from simclock.exploration.runs import Plan, Runner
from simclock.schedulers import FollowScheduler, ReplayScheduler
from simclock.schedules import Deviation, Kind, Schedule
from simclock.simulation.outcome import Outcome

__all__ = ["Recorded", "Replayed", "check_same_course", "injections", "record", "replay"]

_CHOICES = {Kind.RUN, Kind.HOLD, Kind.TIE}


def injections(deviations: tuple[Deviation, ...]) -> tuple[Deviation, ...]:
    """Return the deviations that are injected rather than chosen by a scheduler."""
    return tuple(d for d in deviations if d.kind not in _CHOICES)


@final
@dataclass(frozen=True, slots=True)
class Recorded:
    """A run as a schedule, in two ways of saying the same, and the run that confirmed it.

    ``by_runs`` names each lane that ran out of turn, ``by_holds`` each that had to wait.
    """

    by_runs: Schedule
    by_holds: Schedule
    outcome: Outcome


def record(runner: Runner, outcome: Outcome, seed: int) -> Recorded:
    """Return the schedule of the run that had ``outcome``.

    The run is followed once more step by step, noting where it deviates from calm. Raises
    :class:`~simclock.errors.NondeterminismError` if it takes another course.
    """
    simulation = outcome.simulation
    ties = tuple(d for d in simulation.applied if d.kind is Kind.TIE)
    follow = FollowScheduler([lane for lane in simulation.trace.order if lane >= 0], ties)
    injected = injections(tuple(simulation.applied))
    again = runner.run(Plan(seed, follow, injected, label="follow"))
    check_same_course(outcome, again)
    others = (*ties, *injected)
    backend = runner.world.backend
    return Recorded(
        Schedule(backend, seed, (*follow.deviations, *others)),
        Schedule(backend, seed, (*follow.holds, *others)),
        again,
    )


@final
@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay: what came of it, and the deviations that really took place.

    ``passed_over`` has, for each step at which a lane ran out of turn, the lane that should have.
    """

    outcome: Outcome
    deviations: tuple[Deviation, ...]
    passed_over: Mapping[int, int]


def replay(
    runner: Runner, schedule: Schedule, *, strict: bool, observing: bool = False
) -> Replayed:
    """Run ``schedule`` again.

    With ``strict``, an outcome whose failure is a ``ReplayDivergedError`` tells at which step the
    run is no longer the recorded one.
    """
    scheduler = ReplayScheduler(schedule, strict=strict)
    injected = injections(schedule.deviations)
    outcome = runner.run(
        Plan(schedule.seed, scheduler, injected, label="replay"), observing=observing
    )
    applied = injections(tuple(outcome.simulation.applied))
    missed = [*scheduler.unused, *(d for d in injected if d not in applied)]
    if strict and missed and not isinstance(outcome.failure, ReplayDivergedError):
        first = min(missed, key=lambda d: d.sort_key)
        diverged = ReplayDivergedError(
            step=first.at,
            recorded=f"a {first.kind.name.lower()} takes place",
            found="the run gave no occasion for it",
        )
        outcome = replace(outcome, failure=diverged)
    return Replayed(outcome, (*scheduler.deviations, *applied), scheduler.passed_over)


def check_same_course(first: Outcome, second: Outcome) -> None:
    """Raise :class:`~simclock.errors.NondeterminismError` at the first event that differs."""
    one, two = first.simulation.trace.order, second.simulation.trace.order
    if one == two:
        return
    index = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), None)
    if index is None:
        index = min(len(one), len(two))
    step = 1 + sum(entry >= 0 for entry in one[:index])
    raise NondeterminismError(
        step=step,
        first=_event(first, one, index),
        second=_event(second, two, index),
        # What either run died of may be all that can be learnt of a failure that does not recur.
    ) from (first.failure or second.failure)


def _event(outcome: Outcome, order: list[int], index: int) -> str:
    if index >= len(order):
        return "ended"
    entry = order[index]
    if entry < 0:
        return f"moved the clock to t={-entry / 1e9:g}s"
    return f"taken a step of {outcome.simulation.names()[entry]!r}"
