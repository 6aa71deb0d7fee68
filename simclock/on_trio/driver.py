"""What a simulation asks of trio: let time pass, cancel a task, tell where one stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, final

import trio
import trio.testing

from simclock.simulation.places import has_started, place_of
from simclock.simulation.waiting import describe_spinners

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from simclock.kernel import Lane
    from simclock.on_trio.world import TrioWorld

__all__ = ["TrioDriver"]


@final
class TrioDriver:
    """The :class:`~simclock.simulation.Driver` of one simulated trio run.

    trio has no way to cancel a task from outside, so ``scopes`` has, by lane, the scope that was
    opened around each task that is to be cancelled.
    """

    __slots__ = ("scopes", "world")

    def __init__(self, world: TrioWorld) -> None:
        """Act on ``world``."""
        self.world = world
        self.scopes: dict[int, trio.CancelScope] = {}

    def stall(self) -> bool:
        """Let time pass to the next deadline now."""
        return self.world.let_time_pass()

    def cancel(self, lane: int) -> str | None:
        """Cancel the task of ``lane`` as a scope around it would, unless it has ended."""
        scope, lanes = self.scopes.get(lane), self.world.simulation.lanes
        task = lanes[lane].task and lanes[lane].task() if lane < len(lanes) else None
        if scope is None or task is None or task.coro.cr_frame is None:
            return None
        place = place_of(task.coro) if has_started(task.coro) else "its start"
        scope.cancel()
        return place

    def under_scope(
        self, lane: int, coroutine: Coroutine[Any, Any, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Return ``coroutine`` with a scope around it, through which to cancel it."""
        # Made here and entered later: it may be cancelled before the task's first step.
        self.scopes[lane] = scope = trio.CancelScope()

        async def run() -> Any:
            with scope:
                return await coroutine

        scoped: Any = run()
        scoped.__name__ = getattr(coroutine, "__name__", scoped.__name__)
        scoped.__qualname__ = getattr(coroutine, "__qualname__", scoped.__qualname__)
        return cast("Coroutine[Any, Any, Any]", scoped)

    def place(self, lane: Lane) -> str:
        """Return where the task of ``lane`` is suspended."""
        task = lane.task and lane.task()
        return "" if task is None else place_of(task.coro)

    def poll(self) -> None:
        """Take in what threads have sent."""
        self.world.hear()

    def is_waiting_outside(self) -> bool:
        """Tell whether a thread, or the host of a guest run, may still bring news."""
        world = self.world
        return world.is_guest or bool(world.jobs) or world.outside.is_pending()

    def describe_spinners(self, recent: Sequence[int]) -> str:
        """Return who took the ``recent`` steps, and where."""
        simulation = self.world.simulation
        places = {lane: self.place(simulation.lanes[lane]) for lane in set(recent)}
        return describe_spinners(simulation, recent, places)

    async def settle(self) -> None:
        """Wait until nothing else can run at this instant."""
        await trio.testing.wait_all_tasks_blocked()
