"""Functions of one world dressed for the other."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, final

from concurrency._interop.blocking import block_on
from concurrency._pools.functions import check_sync_function, function_name
from concurrency._validation import check_callable
from concurrency.pool import run_in_thread
from concurrency.utils import is_coro_func

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

__all__ = ["AsyncAdapter", "SyncAdapter", "async_to_sync", "sync_to_async"]

T = TypeVar("T")
P = ParamSpec("P")


@final
class AsyncAdapter(Generic[P, T]):
    """A blocking function as an async one: ``await adapter(...)`` runs it in a thread.

    Cancellation, context variables and errors are as for ``to_thread``.

    Raises:
        TypeError: the function cannot be called, or is async already.
    """

    def __init__(self, func: Callable[P, T], /) -> None:
        check_sync_function(
            func, where="AsyncAdapter()", instead="use it as it is, or SyncAdapter to block on it"
        )
        functools.update_wrapper(self, func)
        self._func = func

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return await run_in_thread(self._func, *args, **kwargs)


@final
class SyncAdapter(Generic[P, T]):
    """An async function as a blocking one: ``adapter(...)`` waits for it.

    Each call runs in an event loop of its own, as ``block_on`` tells.

    Raises:
        TypeError: the function cannot be called, or is not async.
    """

    def __init__(self, func: Callable[P, Awaitable[T]], /, *, backend: str | None = None) -> None:
        _check_async_function(func, where="SyncAdapter()")
        functools.update_wrapper(self, func)
        self._func = func
        self._backend = backend

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return block_on(self._func(*args, **kwargs), backend=self._backend)


def sync_to_async(func: Callable[P, T], /) -> Callable[P, Coroutine[Any, Any, T]]:
    """Make a blocking function async: each call runs in a thread, as ``to_thread`` does.

    Raises:
        TypeError: at once, if the function is async already.
    """
    check_sync_function(func, where="@sync_to_async", instead="leave the decorator out")

    @functools.wraps(func)
    async def in_thread(*args: P.args, **kwargs: P.kwargs) -> T:
        return await run_in_thread(func, *args, **kwargs)

    return in_thread


def async_to_sync(func: Callable[P, Awaitable[T]], /) -> Callable[P, T]:
    """Make an async function blocking: each call waits for it, as ``block_on`` does.

    Raises:
        TypeError: at once, if the function is not async.
    """
    _check_async_function(func, where="@async_to_sync")

    @functools.wraps(func)
    def blocking(*args: P.args, **kwargs: P.kwargs) -> T:
        return block_on(func(*args, **kwargs))

    return blocking


def _check_async_function(func: object, *, where: str) -> None:
    check_callable(func, where=where)
    if not is_coro_func(func):
        raise TypeError(
            f"{where} takes an async function; {function_name(func)} blocks already: "
            "call it as it is"
        )
