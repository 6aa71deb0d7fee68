"""Time from AnyIO's clock, and the question whether a callable is async."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import anyio

__all__ = ["current_time", "is_coro_func", "sleep"]


def current_time() -> float:
    """Return the event loop's clock in seconds: good for differences and deadlines, not a date.

    Raises:
        anyio.NoEventLoopError: no event loop runs in this thread.
    """
    return anyio.current_time()


async def sleep(delay: float) -> None:
    """Pause this task for ``delay`` seconds of the event loop's clock.

    Always a checkpoint, also for 0. A cancellation ends the pause at once and is raised.

    Raises:
        ValueError: ``delay`` is negative or NaN.
    """
    await anyio.sleep(delay)


def is_coro_func(func: object) -> bool:
    """Tell whether calling ``func`` gives a coroutine.

    Looks through ``functools.partial`` and bound methods, and at the ``__call__`` of an object.
    Async generator functions are not coroutine functions: they are iterated, not awaited.

    Nothing is remembered between calls: a cache here would keep every closure it was ever asked
    about alive.
    """
    target: Any = func
    while isinstance(target, functools.partial):
        target = target.func
    if inspect.iscoroutinefunction(target):
        return True
    if inspect.isclass(target) or not callable(target):
        # Calling a class makes an instance, whatever its __call__ does later.
        return False
    # The interpreter, too, looks for __call__ on the class and not on the instance.
    return inspect.iscoroutinefunction(type(target).__call__)
