"""The tasks and futures of a simulated loop: each task a lane of its own."""

# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001 - loops and tasks of asyncio share their privates with one another

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from simclock.kernel import short_name
from simclock.on_asyncio.seams import EAGER, route_eager_tasks
from simclock.on_asyncio.tasks import SimulatedFuture, SimulatedTask
from simclock.on_asyncio.threaded import ThreadedLoop
from simclock.simulation.hashing import hash_by_counter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from simclock.kernel import Lane
    from simclock.on_asyncio.driver import AsyncioDriver
    from simclock.simulation.simulation import Simulation

__all__ = ["TaskingLoop"]


class TaskingLoop(ThreadedLoop):
    """A loop that knows its tasks, and numbers them."""

    driver: AsyncioDriver

    def __init__(self, simulation: Simulation, *, judged: bool) -> None:
        """Begin without tasks."""
        self._foreign: WeakKeyDictionary[Any, Lane] = WeakKeyDictionary()
        self._serials = 0
        # Lanes whose coroutine gets an AnyIO scope around it, so that AnyIO can cancel it.
        self.scoped_lanes: frozenset[int] = frozenset()
        super().__init__(simulation, judged=judged)

    def next_serial(self) -> int:
        """Return the next of the numbers by which tasks and futures of this run hash."""
        self._serials += 1
        return self._serials

    def open_lane(self, coroutine: Any, name: str | None = None) -> Lane:
        """Open the lane of a new task that will run ``coroutine``."""
        simulation = self.simulation
        parent = asyncio.current_task(self) if self._thread_id is not None else None
        above = (
            None if parent is None else getattr(parent, "lane", None) or self._foreign.get(parent)
        )
        # AnyIO gives its tasks the dotted name of their function; the coroutine is AnyIO's own.
        name = name or getattr(coroutine, "__qualname__", None) or type(coroutine).__name__
        return simulation.add_lane(short_name(str(name)), above or simulation.callbacks_lane)

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future that hashes the same in every process."""
        return SimulatedFuture(loop=self)

    def create_task(  # type: ignore[override]  # newer Pythons pass more options
        self, coro: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        """Return a task of this run; a task factory set by the program is asked first."""
        factory = self._task_factory
        if factory is not None and factory is not EAGER:
            return super().create_task(coro, **options)
        if factory is not None:
            options.setdefault("eager_start", True)
        return self.new_simulated_task(coro, **options)

    def new_simulated_task(
        self, coro: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        """Return a task of this run, whatever task factory is set."""
        self._check_closed()
        if options.get("context", self) is None:
            del options["context"]
        if len(self.simulation.lanes) in self.scoped_lanes:
            coro = self.driver.under_scope(len(self.simulation.lanes), coro)
        task = SimulatedTask(coro, loop=self, **options)
        # Where the program asked for it: not here, nor in the function that called this one.
        if task._source_traceback:
            del task._source_traceback[-2:]
        return task

    def set_task_factory(self, factory: Callable[..., Any] | None) -> None:
        """Have ``factory`` make the tasks."""
        super().set_task_factory(factory)
        if factory is not None and factory is EAGER:
            route_eager_tasks()

    def lane_of_foreign(self, task: asyncio.Task[Any]) -> Lane:
        """Return the lane of a task that was not made by this loop's ``create_task``."""
        lane = self._foreign.get(task)
        if lane is None:
            with suppress(TypeError):
                # A Task class of the program's own; that of the interpreter cannot be changed.
                hash_by_counter(type(task))
            lane = self._foreign[task] = self.open_lane(task.get_coro())
            lane.task = ref(task)
        return lane
