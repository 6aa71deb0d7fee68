"""What a simulation asks of asyncio: let time pass, cancel a task, tell where one stands."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, final

from simclock.kernel import MAIN, Lane
from simclock.on_asyncio.anyio_seam import is_call_from_thread, new_scope
from simclock.on_asyncio.scoped import ScopedCoroutine
from simclock.simulation.places import has_started, place_of
from simclock.simulation.waiting import describe_spinners

if TYPE_CHECKING:
    from simclock.on_asyncio.loop import SimulatedLoop

__all__ = ["AsyncioDriver"]


@final
class AsyncioDriver:
    """The :class:`~simclock.simulation.Driver` of one simulated loop.

    ``scopes`` has, by lane, the AnyIO scope opened around a coroutine that is to be cancelled as
    AnyIO would, or ``None`` where no scope can be; lanes it has not are cancelled as
    ``asyncio.timeout`` would.
    """

    __slots__ = ("loop", "scopes")

    def __init__(self, loop: SimulatedLoop) -> None:
        """Act on ``loop``."""
        self.loop = loop
        self.scopes: dict[int, Any] = {}

    def stall(self) -> bool:
        """Let time pass to the next timer now."""
        return self.loop.let_time_pass()

    def cancel(self, lane: int) -> str | None:
        """Cancel the task of ``lane`` from outside, unless it has ended."""
        lanes = self.loop.simulation.lanes
        task = lanes[lane].task and lanes[lane].task() if MAIN <= lane < len(lanes) else None
        if task is None or task.done():
            return None
        coroutine = task.get_coro()
        place = place_of(coroutine) if has_started(coroutine) else "its start"
        scope = self.scopes.get(lane, task)
        if scope is None:
            return None
        if scope is task:
            task.cancel()
        else:
            scope.cancel()
        return place

    def under_scope(
        self, lane: int, coroutine: Coroutine[Any, Any, Any]
    ) -> Coroutine[Any, Any, Any]:
        """Return ``coroutine`` with an AnyIO scope around it, through which to cancel it."""
        if is_call_from_thread(coroutine):
            self.scopes[lane] = None
            return coroutine
        if lane > MAIN:
            # It may be cancelled before its first step; main's scope opens with its first.
            self.scopes[lane] = new_scope()

        async def run(inner: Coroutine[Any, Any, Any]) -> Any:
            with self.scopes.get(lane) or new_scope() as self.scopes[lane]:
                return await inner

        return ScopedCoroutine(coroutine, run)

    def place(self, lane: Lane) -> str:
        """Return where the task of ``lane`` is suspended."""
        task = lane.task and lane.task()
        return "" if task is None or task.done() else place_of(task.get_coro())

    def poll(self) -> None:
        """Take in what threads have sent."""
        self.loop.take_messages(self.loop.outside.take())

    def is_waiting_outside(self) -> bool:
        """Tell whether a thread may still bring news."""
        return self.loop.outside.is_pending()

    def describe_spinners(self, recent: Sequence[int]) -> str:
        """Return who took the ``recent`` steps, and where."""
        simulation = self.loop.simulation
        places = {lane: self.place(simulation.lanes[lane]) for lane in set(recent)}
        return describe_spinners(simulation, recent, places)

    async def settle(self) -> None:
        """Wait until nothing else can run at this instant."""
        await self.loop.settle()
