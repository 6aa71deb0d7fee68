"""The only file that touches the privates of trio.

trio's loop stays trio's own. What is put in its place is small: the run queue (hence who steps
next), the deadlines (hence time), the I/O manager (nothing real), and classes that hash by a
counter of the run. All of it acts only in runs that a simulated clock has taken over; in any
other ``trio.run`` the subclasses below behave as the originals do. :func:`verify` compares the
facts relied upon with the trio that is installed and refuses one whose seams have moved.
"""

from __future__ import annotations

import builtins
import ctypes
import inspect
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import outcome
import trio
from trio import _subprocess, _threads
from trio._core import _entry_queue, _run, _thread_cache

from simclock.errors import OutsideSimulationError, SimulationError
from simclock.kernel import Timeline

if TYPE_CHECKING:
    from simclock.kernel import Lane
    from simclock.on_trio.world import TrioWorld

__all__ = [
    "SimulatedRunner",
    "abandon",
    "batch_of",
    "cancel_by_deadline",
    "close_entry_queue",
    "current_lane",
    "deliver",
    "has_messages",
    "install",
    "is_entry_task",
    "new_timeline",
    "registered_deadline",
    "runner_here",
    "suspended_generators",
    "take_over",
    "tasks_of",
    "verify",
    "watches_io",
    "world_here",
]

_original_task: Any = _run.Task
_original_status: Any = _run.CancelStatus
_original_runner: Any = _run.Runner
_no_send: Any = getattr(_run, "_NO_SEND", None)
_here: Any = _run.GLOBAL_RUN_CONTEXT
_entry_code: Final = _entry_queue.EntryQueue.task.__code__
# How often a coroutine may answer GeneratorExit by waiting for something else.
_CLOSE_ATTEMPTS = 20


def _names(function: Any) -> set[str]:
    return set(inspect.unwrap(function).__code__.co_names)


def verify() -> None:
    """Raise :class:`SimulationError` if this trio is not built the way this file assumes."""
    facts = {
        "the loop takes its batch as list(runner.runq)": {
            "list", "runq", "clear", "pop", "deadlines", "expire", "start_clock",
            "deadline_to_sleep_time", "waiting_for_idle", "process_events", "task_exited",
            "_next_send_fn", "_next_send",
        } <= _names(_run.unrolled_run),
        "tasks are made by spawn_impl through Task._create": {"Task", "_create"}
        <= _names(_original_runner.spawn_impl),
        "scopes make a CancelStatus on entry": "CancelStatus"
        in _names(_run.CancelScope.__enter__),
        "deadlines are added, removed, asked for and expired": {
            "add", "remove", "next_deadline", "expire",
        } <= set(vars(_run.Deadlines)),
        "a runner has slots and these fields": {
            "runq", "tasks", "deadlines", "io_manager", "entry_queue", "main_task", "init_task",
            "main_task_outcome", "asyncgens", "waiting_for_idle", "is_guest", "ki_pending",
        } <= set(_original_runner.__slots__),
        "a task has slots and these fields": {
            "coro", "name", "context", "_abort_func", "_next_send", "_next_send_fn", "_runner",
            "_child_nurseries", "custom_sleep_data", "__weakref__",
        } <= set(_original_task.__slots__),
        "reschedule takes a task and what to send": list(
            inspect.signature(_original_runner.reschedule).parameters
        )
        == ["self", "task", "next_send"]
        and _no_send is not None,
        "a scope tells its registered deadline and its reason": {
            "_registered_deadline", "_cancel_status",
        } <= set(_run.CancelScope.__slots__)
        and hasattr(_run, "CancelReason"),
        "messages of threads wake the entry queue's task": {"wakeup", "wait_woken"}
        <= _names(_entry_queue.EntryQueue.task) | _names(_entry_queue.EntryQueue.run_sync_soon),
        "worker threads come from THREAD_CACHE": "THREAD_CACHE"
        in _names(_thread_cache.start_thread_soon),
        "threads ask through _send_message_to_trio": "_send_message_to_trio"
        in _names(_threads.from_thread_run),
        "processes are started with subprocess.Popen": {"subprocess"}
        <= set(vars(_subprocess)),
    }  # fmt: skip
    moved = [fact for fact, holds in facts.items() if not holds]
    if moved:
        raise SimulationError(
            f"trio {trio.__version__} is built in a way that simclock does not know ("
            + "; ".join(moved)
            + "); use a simclock that names this trio version as supported"
        )


def new_timeline() -> Timeline[Any]:
    """Return a timeline whose timers are trio's cancel scopes."""
    return Timeline(lambda scope, when: max(scope._registered_deadline, 0.0) == when)


# The results that tasks are resumed with.


class _Nothing(outcome.Value[None]):
    """The result of every wait that yields nothing.

    An outcome may be unwrapped once, so trio makes one for each step; that costs more than
    everything a simulation adds. This one may be unwrapped for ever.
    """

    __slots__ = ()

    def unwrap(self) -> None:
        return None

    def __eq__(self, other: object) -> bool:
        return bool(outcome.Value(None) == other) or other is self

    def __hash__(self) -> int:
        return hash(outcome.Value(None))


_NOTHING: Final = _Nothing(None)


# Classes that hash by a counter of the run: trio keeps tasks and cancel statuses in sets and
# wakes them in the order of those sets.


class _Permit:
    """Lets the class beside it be subclassed, which trio refuses to everybody else."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """Say nothing to the class next in line."""


def _next_serial(owner: object) -> int:
    queue = getattr(getattr(_here, "runner", None), "runq", None)
    serial = getattr(queue, "next_serial", None)
    return id(owner) >> 4 if serial is None else int(serial())


def _hash(self: Any) -> int:
    return int(self._serial)


def _init_status(self: Any, *args: Any, **options: Any) -> None:
    self._serial = _next_serial(self)
    _original_status.__init__(self, *args, **options)


def _init_task(self: Any, coro: Any, runner: Any, **options: Any) -> None:
    self._serial = _next_serial(self)
    self.lane = None
    if type(runner) is SimulatedRunner:
        self.lane, coro = runner.runq.world.open_lane(self, coro, options["name"])
    _original_task.__init__(self, coro=coro, runner=runner, **options)


def _subclass(original: Any, slots: tuple[str, ...], **members: Any) -> Any:
    names = {
        "__slots__": slots,
        "__module__": original.__module__,
        "__qualname__": original.__qualname__,
        "__doc__": original.__doc__,
        **members,
    }
    return type(original)(original.__name__, (_Permit, original), names)


_Task: Any = _subclass(
    _original_task, ("_serial", "lane"), __init__=_init_task, __hash__=_hash
)
_CancelStatus: Any = _subclass(
    _original_status, ("_serial",), __init__=_init_status, __hash__=_hash
)


class SimulatedRunner(_original_runner):  # type: ignore[misc]
    """trio's runner, once a simulated clock has taken it over."""

    __slots__ = ()

    def reschedule(self, task: Any, next_send: Any = _no_send) -> None:
        """Make ``task`` runnable: its lane joins those among which to choose."""
        assert task._runner is self
        assert task._next_send_fn is None
        task._next_send_fn = task.coro.send
        task._next_send = _NOTHING if next_send is _no_send else next_send
        task._abort_func = None
        task.custom_sleep_data = None
        queue = self.runq
        if self.is_guest and not queue:
            self.force_guest_tick_asap()
        lane = task.lane
        lane.callback = task
        if lane is queue.stepping:
            # Nothing but a task's own yield: no progress.
            simulation = queue.simulation
            simulation.seq = lane.seq = simulation.seq + 1
            queue.make_ready(lane)
        else:
            queue.admit(lane)
        if "task_scheduled" in self.instruments:
            self.instruments.call("task_scheduled", task)

    def task_exited(self, task: Any, result: Any) -> None:
        """Take note of the end of main before trio does."""
        self.runq.world.task_ended(task, getattr(result, "error", None))
        super().task_exited(task, result)

    async def wait_all_tasks_blocked(self, cushion: float = 0.0) -> None:
        """Wait until nothing can run; those that wait alike are woken oldest first."""
        task = _here.task
        # The original breaks the tie on the task's address.
        key = (cushion, self.runq.next_serial())
        self.waiting_for_idle[key] = task

        def abort(_: Any) -> Any:
            del self.waiting_for_idle[key]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def close(self) -> None:
        """End the run."""
        try:
            super().close()
        finally:
            self.runq.world.closed()


class _ListMeta(type):
    """The metaclass of the name ``list`` in the namespace of trio's loop.

    It is ``builtins.list`` in every respect but one: of our run queue it makes a batch that
    decides step by step instead of a copy.
    """

    def __call__(cls, iterable: Iterable[Any] = ()) -> Any:
        make = getattr(iterable, "next_batch", None)
        return builtins.list(iterable) if make is None else make()

    def __getitem__(cls, item: Any) -> Any:
        return builtins.list[item]

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, builtins.list)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, builtins.list)


class _List(metaclass=_ListMeta):
    """See :class:`_ListMeta`."""


def batch_of(iterable: Any) -> Any:
    """Return what trio's loop gets for ``list(iterable)``."""
    return _List(iterable)


class _Cache(_thread_cache.ThreadCache):
    """trio's cache of worker threads; a simulated run knows which of its jobs are under way."""

    __slots__ = ()

    def start_thread_soon(self, fn: Any, deliver: Any, name: str | None = None) -> None:
        world = world_here()
        if world is not None:
            fn, deliver = world.jobs.watch(fn, deliver)
        super().start_thread_soon(fn, deliver, name)


def _send_watched(token: Any, message: Any) -> Any:
    """Let the run know while a thread waits for its answer, and for nothing else."""
    asked = token if token is not None else getattr(_threads.PARENT_TASK_DATA, "token", None)
    world = getattr(getattr(getattr(asked, "_reentry_queue", None), "wakeup", None), "world", None)
    if world is not None:
        object.__setattr__(message, "queue", world.jobs.question())
    return _original_send(token, message)


class _Subprocess:
    """The ``subprocess`` module as trio sees it: simulated programs start no processes."""

    def __getattr__(self, name: str) -> Any:
        if name == "Popen" and world_here() is not None:
            raise OutsideSimulationError(
                "trio.run_process()",
                "hand the program a fake process, or start it outside the simulation",
            )
        return getattr(_original_subprocess, name)


_original_send: Any = _threads._send_message_to_trio
_original_subprocess: Any = _subprocess.subprocess


class _Installed:
    done = False


def install() -> None:
    """Put the replacements into trio's modules, once for the life of the process."""
    if _Installed.done:
        return
    verify()
    modules: Any = _run
    modules.Task, modules.CancelStatus, modules.list = _Task, _CancelStatus, _List
    cache = _Cache()
    # Threads that idle in the old cache serve the new one as well.
    cache._idle_workers.update(_thread_cache.THREAD_CACHE._idle_workers)
    _thread_cache.THREAD_CACHE = cache
    _threads._send_message_to_trio = _send_watched
    _subprocess.subprocess = _Subprocess()  # type: ignore[assignment]
    _Installed.done = True


# What a run asks of its runner and its tasks.


def runner_here() -> Any:
    """Return the runner of the trio run in this thread, or ``None``."""
    return getattr(_here, "runner", None)


def world_here() -> TrioWorld | None:
    """Return the simulated world of this thread's trio run, or ``None``."""
    return getattr(getattr(runner_here(), "runq", None), "world", None)


def take_over(runner: Any, world: TrioWorld) -> Any:
    """Give ``runner`` the world's run queue, deadlines, I/O and messages; its real I/O manager."""
    real = runner.io_manager
    runner.__class__ = SimulatedRunner
    runner.runq, runner.deadlines = world.queue, world.deadlines
    runner.io_manager = world.make_io(real)
    runner.entry_queue.wakeup = world.make_wakeup(runner.entry_queue.wakeup)
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
    alive = builtins.list(runner.asyncgens.alive)
    return sorted(each.__qualname__ for each in alive if each.ag_frame is not None)


def close_entry_queue(runner: Any) -> None:
    """Refuse further messages of threads, as at the end of every run."""
    with runner.entry_queue.lock:
        runner.entry_queue.done = True


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
    return sorted(runner.tasks, key=lambda task: int(task._serial))


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
