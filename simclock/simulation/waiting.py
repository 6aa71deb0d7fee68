"""Who waits for what, since when, and where: the lines of a deadlock or leak report."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, Final

from simclock.kernel import Lane
from simclock.simulation.places import caller_of, has_started, place_of, waiting_in
from simclock.simulation.simulation import Simulation

__all__ = ["describe_spinners", "describe_waiting", "last_steps"]

_WAITING_MAX: Final = 20


def last_steps(simulation: Simulation) -> dict[int, float]:
    """Return, for each lane that ever ran, the virtual time of its last step."""
    now, latest = 0.0, dict[int, float]()
    for entry in simulation.trace.order:
        if entry < 0:
            now = -entry / 1e9
        else:
            latest[entry] = now
    return latest


def describe_waiting(simulation: Simulation, waiting: Iterable[tuple[Lane, Any]]) -> str:
    """Return a line for each lane and the coroutine in which it is suspended."""
    since, names = last_steps(simulation), simulation.names()
    rows: list[tuple[str, str]] = []
    for lane, coroutine in waiting:
        # An eager task has begun without a step of its own: since when, nobody noted.
        when = f" since t={since[lane.id]:g}s" if lane.id in since else ""
        if not when and not has_started(coroutine):
            rows.append((names[lane.id], "never started"))
            continue
        awaited = waiting_in(coroutine)
        what = f"waits in {awaited}" if awaited else "waits for a future"
        place = place_of(coroutine) or "an unknown place"
        caller = caller_of(coroutine)
        text = f"{what}{when} at {place}"
        rows.append((names[lane.id], f"{text}, called at {caller}" if caller else text))
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"  {name:<{width}}  {what}" for name, what in rows)


def describe_spinners(simulation: Simulation, steps: Iterable[int], places: dict[int, str]) -> str:
    """Return a line for each lane among the latest ``steps``: how many it took, and where.

    Who waits meanwhile is told after them: often a timer that ticks for ever hides a deadlock.
    """
    counts: dict[int, int] = {}
    for lane in steps:
        counts[lane] = counts.get(lane, 0) + 1
    names = simulation.names()
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    lines = [
        f"  {names[lane]}: {count}" + (f" at {places[lane]}" if places.get(lane) else "")
        for lane, count in ranked
    ]
    waiting = _waiting_meanwhile(simulation, counts)
    if waiting:
        lines += ["while these wait", *waiting[:_WAITING_MAX]]
    if len(waiting) > _WAITING_MAX:
        lines.append(f"  and {len(waiting) - _WAITING_MAX} more")
    return "\n".join(lines)


def _waiting_meanwhile(simulation: Simulation, running: Container[int]) -> list[str]:
    assert simulation.driver is not None
    since, names = last_steps(simulation), simulation.names()
    lines: list[str] = []
    for lane in simulation.lanes:
        place = "" if lane.id in running else simulation.driver.place(lane)
        if place and lane.id in since:
            lines.append(f"  {names[lane.id]}  since t={since[lane.id]:g}s at {place}")
    return lines
