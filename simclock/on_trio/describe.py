"""Tasks of a trio run in words: who waits for what, and what was left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simclock.errors import LeakError, SimulationError
from simclock.kernel import CALLBACKS, Lane
from simclock.on_trio import seams
from simclock.simulation.waiting import describe_waiting

if TYPE_CHECKING:
    from simclock.on_trio.world import TrioWorld

__all__ = ["describe_deadlock", "judge_leftovers"]


def _unfinished(world: TrioWorld) -> list[tuple[Lane, Any]]:
    """Return the program's tasks that have not ended, and where they are suspended."""
    return [
        (task.lane, task.coro) for task in seams.tasks_of(world.runner) if task.lane.id != CALLBACKS
    ]


def describe_deadlock(world: TrioWorld) -> str:
    """Return the text of a deadlock in which nothing can run any more."""
    simulation = world.simulation
    waiting = describe_waiting(simulation, _unfinished(world))
    return (
        f"nothing can run and no timer is pending (t={simulation.now:g}s, step {simulation.step})"
        f"\n{waiting or '  no task is left, and trio does not end'}"
    )


def judge_leftovers(world: TrioWorld) -> SimulationError | None:
    """Return the verdict on what main has left behind, or ``None`` if it is clean."""
    simulation = world.simulation
    when = f"(t={simulation.now:g}s, step {simulation.step})"
    tasks = _unfinished(world)
    if tasks:
        lines = describe_waiting(simulation, tasks)
        return LeakError(f"main has ended and left system tasks behind {when}\n{lines}")
    generators = seams.suspended_generators(world.runner)
    if generators:
        names = ", ".join(map(repr, generators))
        return LeakError(
            f"main has ended and left async generators suspended {when}: {names}; "
            "close each with aclose(), or iterate under contextlib.aclosing()"
        )
    return None
