"""The virtual-time event loop. The only file that touches the privates of asyncio.

``SimulatedLoop`` keeps everything of ``BaseEventLoop`` but its engine: ready callbacks, timers,
the wait for the outside, and time. Each pending task step is a *lane* in ``Simulation.ready``;
plain callbacks share one lane and keep their order. With no scheduler the loop takes the stock
loop's batches in the stock loop's order.
"""

from __future__ import annotations

import asyncio
import math
from asyncio import base_events, events
from bisect import insort
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from operator import attrgetter
from threading import get_ident
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from simclock.errors import DeadlockError
from simclock.kernel import CALLBACKS, NO_ARGUMENT, Lane, Timeline
from simclock.on_asyncio import anyio_seam
from simclock.on_asyncio.describe import describe_deadlock
from simclock.on_asyncio.driver import AsyncioDriver
from simclock.on_asyncio.refusals import Refusals
from simclock.on_asyncio.seams import METHODS, STEP, failure_of, is_step
from simclock.on_asyncio.tasks import SimulatedFuture, SimulatedTask
from simclock.on_asyncio.timers import SimulatedTimer
from simclock.simulation import current
from simclock.simulation.outside import Outside
from simclock.simulation.places import describe_end, place_of

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from simclock.simulation.simulation import Simulation

__all__ = ["SimulatedLoop"]

_by_seq = attrgetter("seq")


class SimulatedLoop(Refusals, base_events.BaseEventLoop):
    """An asyncio event loop whose time and order of steps belong to a :class:`Simulation`."""

    def __init__(self, simulation: Simulation) -> None:
        """Drive ``simulation`` with this loop."""
        super().__init__()
        self.simulation = simulation
        simulation.driver = self.driver = AsyncioDriver(self)
        self._clock_resolution = 1e-9
        self._timeline: Timeline[events.TimerHandle] = simulation.timeline
        self._calm = simulation.choose is None
        if self._calm:
            # Nothing is ever picked out of turn, and popping the front of a list is slow.
            simulation.ready = deque()  # type: ignore[assignment]
        self._callbacks: deque[tuple[int, events.Handle]] = deque()
        self._foreign: WeakKeyDictionary[Any, Lane] = WeakKeyDictionary()
        self._serials = 0
        self._settlers: list[asyncio.Future[None]] = []
        self._draining = False
        # Lanes whose coroutine gets an AnyIO scope around it, so that AnyIO can cancel it.
        self.scoped_lanes: frozenset[int] = frozenset()
        self.outside = Outside(simulation.limits.wall_time, self._busy_workers)
        self.problems: list[dict[str, Any]] | None = None
        self.call_soon = self._make_call_soon()  # type: ignore[method-assign]

    # Time.

    def time(self) -> float:
        """Return virtual seconds since the run began."""
        return self._timeline.now

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> events.TimerHandle:
        """Call ``callback`` when the clock reaches ``when``; never, if that is infinite."""
        if when is None:
            raise TypeError("when cannot be None")
        self._check_closed()
        if self._debug:
            self._check_thread()
            self._check_callback(callback, "call_at")
        timer = SimulatedTimer(when, callback, args, self, context)
        if timer._source_traceback:
            del timer._source_traceback[-1]
        if when < math.inf:
            self._timeline.add(when if when > 0.0 else 0.0, timer)
            timer._scheduled = True
            self.simulation.progress += 1
        return timer

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> events.TimerHandle:
        """Call ``callback`` after ``delay`` virtual seconds."""
        if delay is None:
            raise TypeError("delay must not be None")
        timer = self.call_at(self.time() + delay, callback, *args, context=context)
        if timer._source_traceback:
            del timer._source_traceback[-1]
        return timer

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        if handle._scheduled:
            self._timeline.note_cancelled()

    # What becomes runnable.

    def _make_call_soon(self) -> Callable[..., events.Handle | None]:
        """Build ``call_soon`` with everything it needs at hand: it runs once for each step."""
        simulation, callbacks, loop = self.simulation, self._callbacks, self
        ready, calm = simulation.ready, self._calm
        plain = simulation.callbacks_lane
        make_ready, enqueue = ready.append, callbacks.append
        new_handle = events.Handle
        step_type, method_types = STEP, METHODS

        def call_soon(
            callback: Callable[..., object], *args: Any, context: Any = None
        ) -> events.Handle | None:
            if type(callback) is step_type:
                task = callback.__self__  # type: ignore[attr-defined]
            elif isinstance(callback, method_types) and is_step(callback):
                simulation.progress += 1
                task = callback.__self__
            else:
                if loop._debug:
                    loop._check_thread()
                    loop._check_callback(callback, "call_soon")
                handle = new_handle(callback, args, loop, context)
                if handle._source_traceback:
                    del handle._source_traceback[-1]
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
                lane = loop._lane_of_foreign(task)
            simulation.seq = lane.seq = simulation.seq + 1
            lane.callback = callback
            lane.argument = args[0] if args else NO_ARGUMENT
            lane.context = context
            make_ready(lane)
            # asyncio's tasks never keep the handle of a step, so none is made.
            return None

        return call_soon

    def close(self) -> None:
        """Close the loop; nothing can be scheduled on it any more."""
        super().close()
        if self.is_closed():
            # Refused here, so that no step has to ask whether the loop is still open.
            self.call_soon = self._refuse_closed  # type: ignore[method-assign]

    def _refuse_closed(self, *_args: Any, **_options: Any) -> events.Handle:
        self._check_closed()
        raise AssertionError

    def _lane_of_foreign(self, task: asyncio.Task[Any]) -> Lane:
        """Return the lane of a task that was not made by this loop's ``create_task``."""
        lane = self._foreign.get(task)
        if lane is None:
            lane = self._foreign[task] = self.open_lane(task.get_coro())
            lane.task = ref(task)
        return lane

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> events.Handle:
        """Call ``callback`` soon; from another thread it waits until nothing else can run."""
        self._check_closed()
        if self._thread_id is None or self._thread_id == get_ident():
            return self.call_soon(callback, *args, context=context)
        if self._debug:
            self._check_callback(callback, "call_soon_threadsafe")
        handle = events.Handle(callback, args, self, context)
        self.outside.post(handle)
        return handle

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Run ``func`` in a real thread or process; virtual time stands still meanwhile."""
        self.outside.jobs += 1
        try:
            future = super().run_in_executor(executor, func, *args)
        except BaseException:
            self.outside.jobs -= 1
            raise
        future.add_done_callback(self._executor_job_done)
        return future

    def _busy_workers(self) -> int:
        return anyio_seam.busy_workers(self)

    def _executor_job_done(self, _future: object) -> None:
        self.outside.jobs -= 1

    # Tasks and futures.

    def next_serial(self) -> int:
        """Return the next of the numbers by which tasks and futures of this run hash."""
        self._serials += 1
        return self._serials

    def open_lane(self, coroutine: Any, name: str | None = None) -> Lane:
        """Open the lane of a new task that will run ``coroutine``."""
        simulation = self.simulation
        parent = asyncio.current_task(self) if self._thread_id is not None else None
        above = None if parent is None else getattr(parent, "lane", None) or self._foreign.get(parent)
        # AnyIO gives its tasks the dotted name of their function; the coroutine is AnyIO's own.
        name = name or getattr(coroutine, "__qualname__", None) or type(coroutine).__name__
        return simulation.add_lane(name.rpartition(".")[2], above or simulation.callbacks_lane)

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future that hashes the same in every process."""
        return SimulatedFuture(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        """Return a task of this run; a task factory set by the program is asked first."""
        factory = self._task_factory
        eager = getattr(asyncio, "eager_task_factory", None)
        if factory is not None and factory is not eager:
            return super().create_task(coro, **options)
        self._check_closed()
        if factory is not None:
            options.setdefault("eager_start", True)
        if options.get("context", self) is None:
            del options["context"]
        if len(self.simulation.lanes) in self.scoped_lanes:
            coro = self.driver.under_scope(len(self.simulation.lanes), coro)
        task = SimulatedTask(coro, loop=self, **options)
        if task._source_traceback:
            del task._source_traceback[-1]
        return task

    # The engine.

    def _run_once(self) -> None:
        """Run batch after batch until the loop is told to stop."""
        simulation, timeline, callbacks = self.simulation, self._timeline, self._callbacks
        ready, calm, observing = simulation.ready, self._calm, simulation.observing
        choose, draw = simulation.choose, simulation.draw
        plain, record = simulation.callbacks_lane, simulation.trace.order.append
        take = ready.popleft if calm else ready.pop  # type: ignore[attr-defined]
        starved, no_argument, whole = 0, NO_ARGUMENT, int
        while True:
            if timeline and timeline.is_due():
                self._fire_due()
            if not ready and not self._stopping:
                self._idle()
            # A batch is what is ready now, as in the stock loop: what it makes ready waits for
            # the next one, after timers, messages and a stop have been looked at.
            batch, step = len(ready), simulation.step
            if not calm and batch:
                starved = simulation.starved()
                batch += max(0, len(callbacks) - 1)
            for _ in range(batch):
                simulation.step = step = step + 1
                if step >= simulation.due:
                    simulation.intervene()
                count = len(ready)
                if calm or count == 1:
                    lane = take()
                elif starved > 0:
                    starved -= 1
                    lane = take(0)
                elif draw is not None:
                    lane = take(whole(draw() * count))
                elif count:
                    lane = take(choose(ready))
                else:
                    simulation.step = step - 1
                    break
                if lane is plain:
                    if not self._run_callback():
                        simulation.step = step = step - 1
                else:
                    record(lane.id)
                    argument = lane.argument
                    try:
                        if argument is no_argument:
                            lane.context.run(lane.callback)
                        else:
                            lane.context.run(lane.callback, argument)
                    except (SystemExit, KeyboardInterrupt):
                        raise
                    except BaseException as error:  # noqa: BLE001 - the stock loop's own rule for callbacks
                        self._report_step_error(lane, error)
                if observing:
                    self._observe(lane)
            if self._stopping:
                break

    def _run_callback(self) -> bool:
        """Run the oldest plain callback; ``False`` if it was cancelled, which is no step."""
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
        if handle._cancelled:
            return False
        simulation.trace.order.append(CALLBACKS)
        handle._run()
        return True

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
        if self.outside.is_pending() and self.take_messages(self.outside.wait()):
            return
        if self._settlers:
            settlers, self._settlers = self._settlers, []
            for settler in settlers:
                if not settler.done():
                    settler.set_result(None)
            return
        due = self._timeline.next_due()
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

    def run_to_the_end(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        """Run until each of ``tasks`` has ended, whatever it ends with."""
        self.run_until_complete(asyncio.wait(tasks))

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

    def pending_timers(self) -> list[events.TimerHandle]:
        """Return the timers that have neither fired nor been cancelled, earliest first."""
        return self._timeline.live()

    def suspended_generators(self) -> list[Any]:
        """Return the async generators that were started and not finished."""
        return sorted(self._asyncgens, key=lambda g: g.__qualname__)

    def run_forever(self) -> None:
        """Run until :meth:`stop`; the simulation is the current one meanwhile."""
        current.enter(self.simulation)
        try:
            super().run_forever()
        finally:
            current.leave()

    # What goes wrong.

    def _report_step_error(self, lane: Lane, error: BaseException) -> None:
        message = f"Exception in callback {lane.callback!r}"
        self.call_exception_handler({"message": message, "exception": error})

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
