"""Tasks of an asyncio run in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simclock.simulation.waiting import describe_waiting

if TYPE_CHECKING:
    from simclock.kernel import Lane
    from simclock.on_asyncio.loop import SimulatedLoop

__all__ = ["describe_deadlock", "describe_tasks", "unfinished"]


def unfinished(loop: SimulatedLoop) -> list[tuple[Lane, Any]]:
    """Return the tasks of the run that have not ended, with their lanes, oldest first."""
    found: list[tuple[Lane, Any]] = []
    for lane in loop.simulation.lanes:
        task = lane.task and lane.task()
        if task is not None and not task.done():
            found.append((lane, task))
    return found


def describe_tasks(loop: SimulatedLoop, tasks: list[tuple[Lane, Any]]) -> str:
    """Return a line for each task: what it waits for, since when, and where."""
    return describe_waiting(loop.simulation, [(lane, task.get_coro()) for lane, task in tasks])


def describe_deadlock(loop: SimulatedLoop) -> str:
    """Return the text of a deadlock in which nothing can run any more."""
    simulation = loop.simulation
    waiting = describe_tasks(loop, unfinished(loop))
    return (
        f"nothing can run and no timer is pending (t={simulation.now:g}s, step {simulation.step})"
        f"\n{waiting or '  no task is left, and the loop was not told to stop'}"
    )
