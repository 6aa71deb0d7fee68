"""What simclock has to know of asyncio's privates, beyond the base class of its loop.

Each fact is checked when this file is imported or read through ``getattr``; a Python that has
moved one is refused with a sentence instead of being simulated wrongly.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import threading
from asyncio import base_events, events
from types import BuiltinMethodType, MethodType
from typing import TYPE_CHECKING, Any

from simclock.errors import SimulationError
from simclock.kernel import Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "EAGER",
    "METHODS",
    "STEP",
    "callback_of",
    "failure_of",
    "forget",
    "is_step",
    "is_unretrieved",
    "new_timeline",
    "route_eager_tasks",
]

# A C task's wake-up is a builtin method of this name; a pure-Python task's steps are methods.
_WAKEUP = "task_wakeup"
_PYTHON_STEPS = frozenset({"__step", "__wakeup", "_Task__step", "_Task__wakeup"})
METHODS = (BuiltinMethodType, MethodType)
EAGER: Any = getattr(asyncio, "eager_task_factory", None)
"""asyncio's own factory of eager tasks; ``None`` before Python 3.12."""


def forget(task: Any) -> None:
    """Let a task that cannot be ended go without a message when it is collected."""
    task._log_destroy_pending = False  # noqa: SLF001 - its only switch


def route_eager_tasks(factory: Any = EAGER) -> None:
    """Have the tasks that ``factory`` makes for a simulated loop be made by that loop.

    AnyIO takes the class of task out of asyncio's eager factory, and makes tasks of it itself: they
    would be tasks that the loop does not know. On all other loops nothing changes.
    """
    cells: tuple[Any, ...] = getattr(factory, "__closure__", None) or ()
    if len(cells) != 1 or not callable(cells[0].cell_contents):
        raise SimulationError(
            "this Python's factory of eager tasks is built in a way that simclock does not know; "
            "use a simclock that names this Python version as supported"
        )
    stock = cells[0].cell_contents
    if getattr(stock, "is_of_simclock", False):
        return

    def new_task(coro: Any, *, loop: Any = None, **options: Any) -> Any:
        of_the_run = getattr(loop, "new_simulated_task", None)
        if of_the_run is None:
            return stock(coro, loop=loop, **options)
        return of_the_run(coro, **options)

    new_task.is_of_simclock = True  # type: ignore[attr-defined]
    cells[0].cell_contents = new_task


def _discover_step_type() -> type:
    """Return the type of the callback with which a C task asks for its next step."""
    seen: list[Any] = []

    class Probe(base_events.BaseEventLoop):
        def call_soon(self, *args: Any, **_options: Any) -> Any:  # type: ignore[override]  # hears the callback alone
            seen.append(args[0])

    async def nothing() -> None:
        """Give the probing task something to be about to run."""

    loop, coroutine = Probe(), nothing()
    task: Any = asyncio.Task(coroutine, loop=loop)
    forget(task)
    coroutine.close()
    loop.close()
    if len(seen) != 1 or getattr(seen[0], "__self__", None) is not task:
        raise SimulationError(
            "this Python's tasks ask for their steps in a way that simclock does not know; "
            "use a simclock that names this Python version as supported"
        )
    return seen[0].__class__  # type: ignore[no-any-return]


STEP = _discover_step_type()


def is_step(callback: Any) -> bool:
    """Tell whether a bound method is a task's step or wake-up, not some other method of it."""
    name = callback.__name__
    if name == _WAKEUP:
        return True
    return name in _PYTHON_STEPS and asyncio.isfuture(callback.__self__)


def asks_for_step(callback: Any) -> bool:
    """Tell whether ``callback`` is how a task asks for its next step."""
    return type(callback) is STEP or (isinstance(callback, METHODS) and is_step(callback))


def new_handle(callback: Any, args: Any, loop: Any, context: Any) -> events.Handle:
    """Return a stock handle."""
    return events.Handle(callback, args, loop, context)


def threads_of(executor: Any) -> Sequence[threading.Thread]:
    """Return the threads of a pool, as far as they have been started."""
    return tuple(getattr(executor, "_threads", ()))


def new_timeline() -> Timeline[events.TimerHandle]:
    """Return a timeline whose timers are asyncio's handles."""
    # Asked for each timer that comes to the front: reading the attribute saves a call.
    return Timeline(lambda handle, _when: not handle._cancelled)  # noqa: SLF001


def is_unretrieved(task: Any) -> bool:
    """Tell whether a finished task holds an exception that nobody has looked at."""
    return bool(getattr(task, "_log_traceback", False))


def failure_of(task: Any) -> BaseException | None:
    """Return a finished task's exception without marking it as looked at."""
    if task.cancelled():
        return asyncio.CancelledError()
    failure: BaseException | None = getattr(task, "_exception", None)
    return failure


def callback_of(handle: Any) -> Any:
    """Return what a handle will call."""
    return getattr(handle, "_callback", handle)
