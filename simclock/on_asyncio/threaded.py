"""The threads beside a simulated loop: jobs it gives away, messages that come in."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import active_count, get_ident
from time import sleep
from typing import TYPE_CHECKING, Any

from simclock.on_asyncio import anyio_seam
from simclock.on_asyncio.debug import DebugHandle, leave_out_the_loop
from simclock.on_asyncio.seams import new_handle, threads_of
from simclock.on_asyncio.timed import TimedLoop
from simclock.simulation.outside import Outside

if TYPE_CHECKING:
    from asyncio import Future, events
    from collections.abc import Callable
    from concurrent.futures import Executor

    from simclock.simulation.simulation import Simulation

__all__ = ["ThreadedLoop"]


class ThreadedLoop(TimedLoop):
    """A loop whose virtual time stands still while a thread works for it."""

    def __init__(self, simulation: Simulation, *, judged: bool) -> None:
        """Drive ``simulation``; ``judged`` if the loop is all that its process does now."""
        self.outside = Outside(
            simulation.limits.wall_time,
            self._jobs_elsewhere,
            has_work=anyio_seam.has_work,
            newcomers_only=judged,
        )
        # The stock loop hears threads between any two turns. A world that is explored hears
        # them when nothing else can run, which is the same moment in every run.
        self._hears_at_once = not judged and simulation.scheduler is None
        super().__init__(simulation)

    def call_soon_threadsafe(  # type: ignore[override]  # any callable, as at run time
        self, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> events.Handle:
        """Call ``callback`` soon; in a run under exploration, when nothing else can run."""
        self._check_closed()
        handle: events.Handle
        if self._thread_id is None or self._thread_id == get_ident():
            handle = self.call_soon(callback, *args, context=context)
            # A signal handler may call this while the loop waits for other threads.
            self.outside.wake()
            if self._debug:
                leave_out_the_loop(handle)
            return handle
        if self._debug:
            self._check_callback(callback, "call_soon_threadsafe")
            handle = DebugHandle(callback, args, self, context)
            leave_out_the_loop(handle)
        else:
            handle = new_handle(callback, args, self, context)
        self.outside.post(handle)
        if self._hears_at_once:
            self.simulation.look_around()
        return handle

    def run_in_executor(  # type: ignore[override]  # as above
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> Future[Any]:
        """Run ``func`` in a real thread or process; virtual time stands still meanwhile."""
        future = super().run_in_executor(executor, func, *args)
        if executor is None or isinstance(executor, ThreadPoolExecutor):
            # Its threads show whether they work. Those of a pool that is older than this loop
            # would not be looked at otherwise.
            self.outside.adopt(threads_of(executor or self._default_executor))
        elif not future.done():
            self.outside.jobs += 1
            future.add_done_callback(self._job_elsewhere_done)
        return future

    def close(self) -> None:
        """Close the loop; threads that were told to end get the time to hear it."""
        super().close()
        if active_count() > 1:
            # The stock loop makes system calls all the time, and so lets other threads run.
            sleep(0)

    def _jobs_elsewhere(self) -> int:
        return self.outside.jobs

    def _job_elsewhere_done(self, _future: object) -> None:
        self.outside.jobs -= 1
