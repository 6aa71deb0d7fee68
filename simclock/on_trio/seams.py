# ruff: noqa: SLF001 - the privates are what this file is for
"""The only file that touches the privates of trio.

trio's loop stays trio's own. What is put in its place is small: the run queue (hence who steps
next), the deadlines (hence time), the I/O manager (nothing real), and classes that hash by a
counter of the run. All of it acts only in runs that a simulated clock has taken over; in any
other ``trio.run`` the replacements behave as the originals do. :func:`verify` compares the facts
relied upon with the trio that is installed and refuses one whose seams have moved.
"""

from __future__ import annotations

import ctypes
import inspect
import math
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import outcome
import trio

from simclock.errors import SimulationError
from simclock.on_trio import facts
from simclock.on_trio.stand_ins import NOTHING, ListStandIn, ModuleStandIn, subclass_of
from simclock.simulation.ordered import OrderedSet, OrderedWeakSet

if TYPE_CHECKING:
    from simclock.kernel import Lane
    from simclock.on_trio.world import TrioWorld

__all__ = [
    "abandon",
    "cancel_by_deadline",
    "close_entry_queue",
    "current_lane",
    "deliver",
    "has_messages",
    "install",
    "is_entry_task",
    "is_simulated",
    "moved_seams",
    "registered_deadline",
    "runner_here",
    "shortest_cushion",
    "suspended_generators",
    "take_over",
    "tasks_of",
    "verify",
    "watches_io",
    "world_here",
]

# How often a coroutine may answer GeneratorExit by waiting for something else.
_CLOSE_ATTEMPTS: Final = 20


def _refusal(moved: str) -> SimulationError:
    return SimulationError(
        f"trio {trio.__version__} is built in a way that simclock does not know ({moved}); "
        "use a simclock that names this trio version as supported"
    )


def _import(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise _refusal(f"there is no {name}") from None


_run: Any = _import("trio._core._run")
_asyncgens: Any = _import("trio._core._asyncgens")
_entry_queue: Any = _import("trio._core._entry_queue")
_thread_cache: Any = _import("trio._core._thread_cache")
_threads: Any = _import("trio._threads")
_subprocess: Any = _import("trio._subprocess")
_signals: Any = _import("trio._signals")
_here: Any = getattr(_run, "GLOBAL_RUN_CONTEXT", None)


def moved_seams() -> list[str]:
    """Return the facts about trio that no longer hold."""
    return facts.moved(globals())


def verify() -> None:
    """Raise :class:`SimulationError` if this trio is not built the way this file assumes."""
    moved = moved_seams()
    if moved:
        raise _refusal("not so any more: " + "; ".join(moved))


verify()

_no_send: Any = _run._NO_SEND
_entry_code: Any = _entry_queue.EntryQueue.task.__code__
_original_task: Any = _run.Task
_original_status: Any = _run.CancelStatus
_original_runner: Any = _run.Runner
_original_cache: Any = _thread_cache.ThreadCache
_original_send: Any = _threads._send_message_to_trio
_original_generators: Any = _asyncgens.AsyncGenerators
_alive: Any = _original_generators.alive


# Tasks and cancel statuses hash by a counter of the run: trio keeps both in sets and wakes
# tasks in the order of those sets, which otherwise is the order of their addresses.


def _next_serial(owner: object) -> int:
    world = world_here()
    return id(owner) >> 4 if world is None else world.queue.next_serial()


def _hash(self: Any) -> int:
    return int(self._serial)


def _init_status(self: Any, *args: Any, **options: Any) -> None:
    self._serial = _next_serial(self)
    _original_status.__init__(self, *args, **options)


def _init_task(self: Any, coro: Any, runner: Any, **options: Any) -> None:
    self._serial = _next_serial(self)
    self.lane = None
    if type(runner) is _SimulatedRunner:
        self.lane, coro = runner.clock.world.open_lane(self, coro, options["name"])
    _original_task.__init__(self, coro=coro, runner=runner, **options)


_Task: Any = subclass_of(_original_task, ("_serial", "lane"), __init__=_init_task, __hash__=_hash)
_CancelStatus: Any = subclass_of(
    _original_status, ("_serial",), __init__=_init_status, __hash__=_hash
)


class _SimulatedRunner(_original_runner):  # type: ignore[misc]
    """trio's runner, once a simulated clock has taken it over."""

    __slots__ = ()

    def reschedule(self, task: Any, next_send: Any = _no_send) -> None:
        """Make ``task`` runnable: its lane joins those among which to choose."""
        assert task._runner is self
        assert task._next_send_fn is None
        task._next_send_fn = task.coro.send
        task._next_send = NOTHING if next_send is _no_send else next_send
        task._abort_func = None
        task.custom_sleep_data = None
        queue = self.runq
        if self.is_guest and not queue:
            self.force_guest_tick_asap()
        lane = task.lane
        lane.callback = task
        if lane is queue.stepping:
            # A task that yields and does nothing else: no progress.
            simulation = queue.simulation
            simulation.seq = lane.seq = simulation.seq + 1
            queue.make_ready(lane)
        else:
            queue.admit(lane)
        # Its dictionary, because asking the object itself costs as much as the rest of this.
        if "task_scheduled" in self.instruments.data:
            self.instruments.call("task_scheduled", task)

    def task_exited(self, task: Any, result: Any) -> None:
        """Take note of the end of main before trio does."""
        self.clock.world.task_ended(task, getattr(result, "error", None))
        _original_runner.task_exited(self, task, result)

    async def wait_all_tasks_blocked(self, cushion: float = 0.0) -> None:
        """Wait until nothing can run; those that wait alike are woken oldest first."""
        # The original breaks the tie on the task's address.
        key = (cushion, self.clock.world.queue.next_serial())
        self.waiting_for_idle[key] = _here.task

        def abort(_: object) -> trio.lowlevel.Abort:
            del self.waiting_for_idle[key]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def close(self) -> None:
        """End the run."""
        try:
            self.clock.world.interrupts.end()
            _original_runner.close(self)
        finally:
            self.clock.world.closed()


class _Generators(_original_generators):  # type: ignore[misc]
    """trio's async generators: closed in the order in which they began."""

    __slots__ = ()

    @property
    def alive(self) -> Any:
        """The generators that have begun and not ended."""
        return _alive.__get__(self)

    @alive.setter
    def alive(self, members: Any) -> None:
        # At the end of the run trio puts an ordinary set of the same ones in its place.
        _alive.__set__(self, OrderedSet(each for each in self.alive if each in members))


# Threads.


class _Cache(_original_cache):  # type: ignore[misc]
    """trio's cache of worker threads; a simulated run knows which of its jobs are under way."""

    __slots__ = ()

    def start_thread_soon(self, fn: Any, deliver: Any, name: str | None = None) -> None:
        """Start a thread, watched if it works for a simulated run."""
        world = world_here()
        if world is not None:
            fn, deliver = world.jobs.watch(fn, deliver)
        _original_cache.start_thread_soon(self, fn, deliver, name)


def _send_watched(token: Any, message: Any) -> Any:
    """Let the run know while a thread waits for its answer, and for nothing else."""
    asked = token if token is not None else getattr(_threads.PARENT_TASK_DATA, "token", None)
    world = getattr(getattr(getattr(asked, "_reentry_queue", None), "wakeup", None), "world", None)
    if world is not None:
        object.__setattr__(message, "queue", world.jobs.question())
    return _original_send(token, message)


def install() -> None:
    """Put the replacements into trio's modules, once for the life of the process."""
    if _run.Task is _Task:
        return
    _run.Task, _run.CancelStatus, _run.list = _Task, _CancelStatus, ListStandIn
    cache = _Cache()
    # Threads that idle in the old cache serve the new one as well.
    cache._idle_workers = _thread_cache.THREAD_CACHE._idle_workers
    _thread_cache.THREAD_CACHE = cache
    _threads._send_message_to_trio = _send_watched
    _subprocess.subprocess = ModuleStandIn(_subprocess.subprocess, "Popen", is_simulated)
    _signals.signal = ModuleStandIn(_signals.signal, "signal", is_simulated)


# What a world asks of its runner and its tasks.


def runner_here() -> Any:
    """Return the runner of the trio run in this thread, or ``None``."""
    return getattr(_here, "runner", None)


def world_here() -> TrioWorld | None:
    """Return the simulated world of this thread's trio run, or ``None``."""
    return runner_here().clock.world if is_simulated() else None


def is_simulated() -> bool:
    """Tell whether this thread's trio run is a simulated one."""
    return type(runner_here()) is _SimulatedRunner


def take_over(runner: Any, world: TrioWorld) -> Any:
    """Give ``runner`` the queue, deadlines, I/O and messages of ``world``; return its real I/O."""
    real = runner.io_manager
    runner.__class__ = _SimulatedRunner
    runner.runq, runner.deadlines = world.queue, world.deadlines
    runner.io_manager = world.make_io(real)
    runner.entry_queue.wakeup = world.make_wakeup(runner.entry_queue.wakeup)
    _alive.__set__(runner.asyncgens, OrderedWeakSet())
    runner.asyncgens.trailing_needs_finalize = OrderedSet()
    runner.asyncgens.__class__ = _Generators
    return real


def is_entry_task(coro: Any) -> bool:
    """Tell whether ``coro`` is the entry queue's, which runs what threads ask for."""
    return getattr(coro, "cr_code", None) is _entry_code


def registered_deadline(scope: Any) -> float:
    """Return the deadline that ``scope`` waits for; infinity if it waits for none."""
    return float(scope._registered_deadline)


def cancel_by_deadline(scope: Any) -> None:
    """Cancel ``scope`` because its deadline was reached."""
    scope._cancel(_run.CancelReason(source="deadline"))


def deliver(task: Any, error: BaseException) -> None:
    """Raise ``error`` in ``task`` at its next step, shielded or not, if that can be done."""

    def raise_error() -> Any:
        raise error

    if task._abort_func is not None:
        task._attempt_abort(raise_error)
    elif task._next_send_fn is None:
        return
    elif inspect.getcoroutinestate(task.coro) == inspect.CORO_CREATED:
        task._next_send_fn, task._next_send = task.coro.throw, error
    elif task._next_send_fn == task.coro.send:
        task._next_send = outcome.Error(error)


def suspended_generators(runner: Any) -> list[str]:
    """Return the names of async generators that were started, not finished, and still live."""
    alive = runner.asyncgens.alive
    return sorted(each.__qualname__ for each in alive if each.ag_frame is not None)


def close_entry_queue(runner: Any) -> None:
    """Refuse further messages of threads, as at the end of every run."""
    with runner.entry_queue.lock:
        runner.entry_queue.done = True


def shortest_cushion(runner: Any) -> float:
    """Return how long nobody may run before a task that waits for that is woken, or infinity."""
    waiting = runner.waiting_for_idle
    return float(waiting.keys()[0][0]) if waiting else math.inf


def has_messages(runner: Any) -> bool:
    """Tell whether the entry queue holds messages."""
    return bool(runner.entry_queue.size())


def watches_io(runner: Any) -> bool:
    """Tell whether an instrument wants to see each pass of trio's loop."""
    instruments = runner.instruments
    return "before_io_wait" in instruments or "after_io_wait" in instruments


def current_lane() -> Lane | None:
    """Return the lane of the task that takes a step in this thread, or ``None``."""
    return getattr(getattr(_here, "task", None), "lane", None)


def tasks_of(runner: Any) -> list[Any]:
    """Return the tasks of the run that have not ended, oldest first."""
    return sorted(runner.tasks, key=hash)


def abandon(task: Any) -> None:
    """Close the coroutine of ``task`` here and now, or see to it that it never runs again."""
    _here.task = task
    for nursery in task._child_nurseries:
        nursery._children.clear()
    try:
        for _ in range(_CLOSE_ATTEMPTS):
            if inspect.getcoroutinestate(task.coro) == inspect.CORO_CLOSED:
                return
            # Whatever it raises, "coroutine ignored GeneratorExit" included, has no one to go to.
            with suppress(BaseException):
                task.coro.close()
        # Collecting it would resume it once more, outside of any run, where a loop that swallows
        # everything never comes to an await that suspends. So it is never collected.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(task.coro))
    finally:
        del _here.task
        _here.runner.tasks.discard(task)
