"""Tasks and futures that hash by a counter of their run.

Sets of tasks iterate by hash. asyncio's own ``TaskGroup``, ``wait`` and ``gather`` keep such
sets, and so do AnyIO's groups; with the default hash the memory allocator would decide the order
in which a group cancels its tasks, and no seed could replay it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

from simclock.kernel import short_name

if TYPE_CHECKING:
    from simclock.kernel import Lane
    from simclock.on_asyncio.tasking import TaskingLoop

__all__ = ["SimulatedFuture", "SimulatedTask"]


class SimulatedFuture(asyncio.Future[Any]):
    """A future of a simulated run."""

    __slots__ = ("_serial",)

    _serial: int

    def __hash__(self) -> int:
        # Most futures are never hashed: number them when they are, which is as reproducible.
        try:
            return self._serial
        except AttributeError:
            loop = cast("TaskingLoop", self.get_loop())
            self._serial = serial = loop.next_serial()
            return serial


class SimulatedTask(asyncio.Task[Any]):
    """A task of a simulated run: a lane of its own."""

    __slots__ = ("_serial", "lane")

    _source_traceback: Any
    lane: Lane

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any],
        *,
        loop: TaskingLoop,
        name: str | None = None,
        **more: Any,
    ) -> None:
        """Have a number within the run, and a lane."""
        self._serial = loop.next_serial()
        self.lane = lane = loop.open_lane(coro, name)
        # Never a strong reference: a task that its program dropped must stay collectable,
        # because the collector eating a running task is one of the bugs to be found.
        lane.task = ref(self)
        super().__init__(coro, loop=loop, name=f"Task-{lane.id}" if name is None else name, **more)

    def __hash__(self) -> int:
        return self._serial

    def set_name(self, value: object, /) -> None:
        """Be called ``value``, in reports as well: older Pythons name tasks after making them."""
        super().set_name(value)
        self.lane.name = short_name(str(value))


# Logs and reprs read as the stock loop's do.
SimulatedFuture.__name__ = asyncio.Future.__name__
SimulatedTask.__name__ = asyncio.Task.__name__
