"""A schedule in words: what deviates from calm, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from simclock.kernel import Event
from simclock.schedules import Deviation, Kind, Schedule

__all__ = ["describe_schedule"]


def describe_schedule(
    schedule: Schedule,
    names: Sequence[str] = (),
    events: Sequence[Event] = (),
    passed_over: Mapping[int, int] = MappingProxyType({}),
) -> list[str]:
    """Return the schedule as lines; what is known of its run makes them concrete."""
    if not schedule.deviations:
        return ["calm: oldest first, nothing else"]
    by_step = {(event.kind, event.step): event for event in events}
    lines = [_describe(deviation, names, by_step, passed_over) for deviation in schedule.deviations]
    return ["oldest first, except:", *(f"  - {line}" for line in lines)]


def _name(lane: int, names: Sequence[str]) -> str:
    if lane == 0:
        return "the next callback"
    return f"`{names[lane]}`" if lane < len(names) else f"task {lane}"


def _describe(
    deviation: Deviation,
    names: Sequence[str],
    by_step: Mapping[tuple[str, int], Event],
    passed_over: Mapping[int, int],
) -> str:
    at, count, lane = deviation.at, deviation.count, _name(deviation.lane, names)
    match deviation.kind:
        case Kind.RUN:
            oldest = passed_over.get(at)
            before = "out of turn" if oldest is None else f"before {_name(oldest, names)}"
            return f"at step {at} {lane} runs {before}"
        case Kind.HOLD:
            return f"from step {at} {lane} is held for {count} step{'s' * (count > 1)}"
        case Kind.STALL:
            event = by_step.get(("stall", at))
            until = f" to t={event.nanoseconds / 1e9:g}s" if event else ""
            times = f", {count} timers on" if count > 1 else ""
            when = f"before step {at} time passes{until}{times}"
            return f"{when}, although a task can run: the machine is slow"
        case Kind.TIE:
            return (
                f"the {_ordinal(at)} choice among timers of one instant goes to number {count + 1}"
            )
        case Kind.CANCEL:
            event = by_step.get(("cancel", at))
            place = f" at {event.place}" if event and event.place else ""
            return f"at step {at} a cancellation hits {lane}{place}"
        case Kind.COLLECT:
            return f"before step {at} the garbage collector runs"


def _ordinal(number: int) -> str:
    suffix = (
        "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    )
    return f"{number}{suffix}"
