"""The virtual-time event loop: its engine, and what goes wrong in it.

``SimulatedLoop`` keeps everything of ``BaseEventLoop`` but ready callbacks, timers, the wait for
the outside, and time. Each pending task step is a *lane* in ``Simulation.ready``; plain
callbacks share one lane and keep their order. With no scheduler the loop takes the stock loop's
batches in the stock loop's order.
"""

# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001 - handles and loops of asyncio share their privates with one another

from __future__ import annotations

import asyncio
from asyncio import events
from bisect import insort
from collections import deque
from contextvars import Context
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from simclock.errors import DeadlockError
from simclock.kernel import Lane
from simclock.on_asyncio.debug import DebugHandle
from simclock.on_asyncio.describe import describe_deadlock
from simclock.on_asyncio.driver import AsyncioDriver
from simclock.on_asyncio.seams import METHODS, STEP, asks_for_step, failure_of, is_step, new_handle
from simclock.on_asyncio.tasking import TaskingLoop
from simclock.simulation import current
from simclock.simulation.ordered import OrderedWeakSet
from simclock.simulation.places import describe_end, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simclock.simulation.simulation import Simulation

__all__ = ["SimulatedLoop"]

_by_seq = attrgetter("seq")


def _oldest(_ready: Sequence[Lane]) -> int:
    return 0


class SimulatedLoop(TaskingLoop):
    """An asyncio event loop whose time and order of steps belong to a :class:`Simulation`.

    A loop that is ``judged`` keeps what it would log in ``problems``, for the verdict.
    """

    def __init__(self, simulation: Simulation, *, judged: bool = False) -> None:
        """Drive ``simulation`` with this loop."""
        self._calm = simulation.choose is None
        if self._calm:
            # Nothing is ever picked out of turn, and popping the front of a list is slow.
            simulation.ready = deque()  # type: ignore[assignment]
        self._callbacks: deque[tuple[int, events.Handle]] = deque()
        self._settlers: list[asyncio.Future[None]] = []
        self._draining = False
        self.problems: list[dict[str, Any]] | None = [] if judged else None
        self._call_soon_at_speed: Any = self._make_call_soon(simulation)
        super().__init__(simulation, judged=judged)
        # Those that are left at the end are closed in the order in which they began.
        self._asyncgens = OrderedWeakSet()
        # For those who look whether anything is ready.
        self._ready = simulation.ready
        simulation.driver = self.driver = AsyncioDriver(self)

    # What becomes runnable.

    def _make_call_soon(self, simulation: Simulation) -> Callable[..., events.Handle | None]:
        """Build ``call_soon`` with everything it needs at hand: it runs once for each step."""
        callbacks, loop = self._callbacks, self
        ready, calm = simulation.ready, self._calm
        plain = simulation.callbacks_lane
        make_ready, enqueue = ready.append, callbacks.append
        new_handle = events.Handle
        step_type, method_types = STEP, METHODS

        def call_soon(
            callback: Callable[..., object], *args: Any, context: Any = None
        ) -> events.Handle | None:
            task: Any
            if type(callback) is step_type:
                task, step = callback.__self__, callback  # type: ignore[attr-defined]
            elif isinstance(callback, method_types) and is_step(callback):
                simulation.progress += 1
                task, step = callback.__self__, partial(callback, *args)
            else:
                handle = new_handle(callback, args, loop, context)
                simulation.seq = seq = simulation.seq + 1
                simulation.progress += 1
                if calm or not callbacks:
                    plain.seq = seq
                    make_ready(plain)
                enqueue((seq, handle))
                return handle
            try:
                lane = task.lane
            except AttributeError:
                lane = loop.lane_of_foreign(task)
            simulation.seq = lane.seq = simulation.seq + 1
            lane.callback = step
            lane.context = context
            make_ready(lane)
            # asyncio's tasks never keep the handle of a step, so none is made.
            return None

        return call_soon

    def _call_soon_in_debug_mode(
        self, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> events.Handle:
        self._check_thread()
        self._check_callback(callback, "call_soon")
        handle: Any = DebugHandle(callback, args, self, context)
        del handle._source_traceback[-1:]
        if asks_for_step(callback):
            self._call_soon_at_speed(callback, *args, context=context)
            task: Any = callback.__self__  # type: ignore[attr-defined]
            lane = getattr(task, "lane", None) or self.lane_of_foreign(task)
            # The handle enters the task's context, which cannot be entered twice.
            lane.callback, lane.context = handle._run, Context()
        else:
            self._enqueue(handle)
        return handle  # type: ignore[no-any-return]

    def set_debug(self, enabled: bool) -> None:  # noqa: FBT001 - asyncio's signature
        """Check threads and callbacks, tell origins and log slow steps from now on, or don't."""
        super().set_debug(enabled)
        if not self._closed:
            checked: Any = self._call_soon_in_debug_mode
            self.call_soon = checked if enabled else self._call_soon_at_speed  # type: ignore[method-assign]

    def close(self) -> None:
        """Close the loop; nothing can be scheduled on it any more."""
        super().close()
        # Refused here, so that no step has to ask whether the loop is still open.
        refuse: Any = self._refuse_closed
        self.call_soon = refuse  # type: ignore[method-assign]
        self._callbacks.clear()
        for lane in self.simulation.ready:
            lane.callback = None
        self.simulation.ready.clear()

    def _refuse_closed(self, *_args: Any, **_options: Any) -> events.Handle:
        self._check_closed()
        raise AssertionError

    # The engine.

    def _run_once(self) -> None:  # noqa: C901, PLR0912 - a call more is a tenth of a step
        """Run batch after batch until the loop is told to stop; one if it is not running."""
        once = self._thread_id is None
        simulation, timeline, callbacks = self.simulation, self._timeline, self._callbacks
        ready, calm, observing = simulation.ready, self._calm, simulation.observing
        draw = simulation.draw
        choose = simulation.choose or _oldest
        plain, record = simulation.callbacks_lane, simulation.trace.order.append
        take: Callable[..., Lane] = getattr(ready, "popleft" if calm else "pop")
        starved, whole = 0, int
        while True:
            if timeline and timeline.is_due():
                self._fire_due()
            if not ready and not self._stopping:
                callback = None
                self._idle()
            # A batch is what is ready now, as in the stock loop: what it makes ready waits for
            # the next one, after timers, messages and a stop have been looked at.
            batch, step, uniform = len(ready), simulation.step, draw
            if not calm and batch:
                batch += max(0, len(callbacks) - 1)
                starved = simulation.starved()
                if starved:
                    uniform = None
            for _ in range(batch):
                simulation.step = step = step + 1
                if step >= simulation.due:
                    simulation.intervene()
                if uniform is not None:
                    # A batch takes no more than was ready, so there is always one to take.
                    lane = take(whole(uniform() * len(ready)))
                elif calm:
                    lane = take()
                elif starved > 0:
                    starved -= 1
                    lane = take(0)
                else:
                    lane = take(choose(ready) if len(ready) > 1 else 0)
                record(lane.id)
                if lane is plain:
                    self._run_callback()
                else:
                    callback = lane.callback
                    # The callback holds the task, and a task that its program dropped must go.
                    lane.callback = None
                    try:
                        lane.context.run(callback)
                    except (SystemExit, KeyboardInterrupt):
                        raise
                    except BaseException as error:  # noqa: BLE001 - the stock loop's own rule for callbacks
                        self._report_step_error(lane, callback, error)
                if observing:
                    self._observe(lane)
            if self._stopping or once:
                break

    def _run_callback(self) -> None:
        """Run the oldest plain callback; one that was cancelled is a step that does nothing."""
        simulation, callbacks = self.simulation, self._callbacks
        _, handle = callbacks.popleft()
        if callbacks and not self._calm:
            plain = simulation.callbacks_lane
            plain.seq = callbacks[0][0]
            ready = simulation.ready
            if not ready or plain.seq < ready[0].seq:
                ready.insert(0, plain)
            else:
                insort(ready, plain, key=_by_seq)
        if not handle._cancelled:
            handle._run()

    def _fire_due(self) -> None:
        """Make the timers that are due ready, in the order that is decided for them."""
        timeline = self._timeline
        simulation, enqueue = self.simulation, self._enqueue
        while handles := timeline.take_due():
            for handle in simulation.order_ties(handles):
                handle._scheduled = False
                enqueue(handle)

    def _enqueue(self, handle: events.Handle) -> None:
        simulation = self.simulation
        simulation.seq += 1
        simulation.progress += 1
        if self._calm or not self._callbacks:
            simulation.callbacks_lane.seq = simulation.seq
            simulation.ready.append(simulation.callbacks_lane)
        self._callbacks.append((simulation.seq, handle))

    def _idle(self) -> None:
        """Nothing can run: hear the outside, or let time pass, or call it a deadlock."""
        if self._draining:
            self._stopping = True
            return
        due = self._timeline.next_due()
        is_late = due is not None and self.outside.is_flood(self._timeline.nanoseconds)
        if not is_late and self.outside.is_pending():
            gap = None if due is None else (due - self._timeline.nanoseconds) / 1e9
            self.take_messages(self.outside.wait(gap=0.0 if self._settlers else gap))
            if self.simulation.ready or self._stopping:
                return
            due = self._timeline.next_due()
        if self._settlers:
            settlers, self._settlers = self._settlers, []
            for settler in settlers:
                if not settler.done():
                    settler.set_result(None)
            return
        if due is None:
            raise DeadlockError(describe_deadlock(self))
        self.simulation.move_clock(due)
        self._fire_due()

    def take_messages(self, handles: Sequence[events.Handle]) -> bool:
        """Make ready what other threads sent; tell whether there was anything."""
        for handle in handles:
            self._enqueue(handle)
        return bool(handles)

    def let_time_pass(self) -> bool:
        """Move the clock to the next timer and fire it; ``False`` when none is pending."""
        due = self._timeline.next_due()
        if due is None:
            return False
        self.simulation.move_clock(due, stall=True)
        self._fire_due()
        return True

    def drain(self) -> None:
        """Run what can run at this instant, without letting time pass."""
        self._draining = True
        try:
            self.run_forever()
        finally:
            self._draining = False

    async def settle(self) -> None:
        """Wait until nothing else can run at this instant."""
        settler = self.create_future()
        self._settlers.append(settler)
        await settler

    def suspended_generators(self) -> list[Any]:
        """Return the async generators that were started and not finished."""
        # One that has ended may be here still: the traceback of what ended it keeps it alive.
        suspended = (each for each in self._asyncgens if each.ag_frame is not None)
        return sorted(suspended, key=lambda g: g.__qualname__)

    def run_forever(self) -> None:
        """Run until :meth:`stop`; the simulation is the current one meanwhile."""
        # asyncio itself refuses a loop within a loop, in its own words.
        self._check_closed()
        self._check_running()
        current.enter(self.simulation)
        try:
            super().run_forever()
        finally:
            current.leave()

    # What goes wrong.

    def _report_step_error(self, lane: Lane, callback: Any, error: BaseException) -> None:
        handle = new_handle(callback, (), self, lane.context)
        message = f"Exception in a step of {lane.name}"
        self.call_exception_handler({"message": message, "exception": error, "handle": handle})

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what would be logged for the verdict, if this run is judged."""
        if self.problems is None:
            super().default_exception_handler(context)
        else:
            self.problems.append(context)

    def _observe(self, lane: Lane) -> None:
        simulation = self.simulation
        task = lane.task and lane.task()
        if task is None:
            place, note = "", ""
        elif task.done():
            place, note = describe_end(failure_of(task))
        else:
            place, note = place_of(task.get_coro()), ""
        simulation.record("step", lane.id, place, note)
