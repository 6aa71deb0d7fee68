"""Waiting for an awaitable without await."""

from __future__ import annotations

import sys
import threading
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, final, overload

import anyio
import anyio.from_thread
from anyio.lowlevel import EventLoopToken, current_token

from concurrency._outcome import raise_bare
from concurrency._pools.carried import apply_changes, changes_since
from concurrency._pools.functions import check_awaitable, function_name
from concurrency._validation import close_unstarted, describe, is_awaitable
from concurrency.pool import run_in_thread
from concurrency.utils import is_coro_func

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

__all__ = ["block_on", "run_async", "run_sync", "running_backend"]

T = TypeVar("T")


def running_backend() -> str | None:
    """Name the backend whose event loop runs in this thread, or ``None``."""
    try:
        current_token()
        cancelled = anyio.get_cancelled_exc_class()
    except RuntimeError:
        return None
    return cancelled.__module__.partition(".")[0]


def block_on(awaitable: Awaitable[T], *, backend: str | None = None) -> T:
    """Run ``awaitable`` to its end in an event loop of its own, and return its value.

    This blocks the calling thread. If an event loop runs in it already, that loop stands still
    meanwhile and the awaitable runs in a thread of its own; an awaitable that needs the standing
    loop to move (a future, a lock, a task of it) would then wait forever: await it instead.

    The backend is ``backend``, else that of the loop that runs here, else asyncio. Context
    variables travel both ways. What the awaitable raises is raised here, with its traceback; a
    ``KeyboardInterrupt`` while waiting cancels it, waits for it to end and is raised.

    Raises:
        TypeError: it cannot be awaited.
        LookupError: there is no such backend.
    """
    check_awaitable(awaitable, where="block_on()")
    running = running_backend()
    if backend is not None and backend not in anyio.get_all_backends():
        close_unstarted([awaitable])
        known = " and ".join(anyio.get_all_backends())
        raise LookupError(f"block_on(backend=) knows {known}, not {backend!r}")
    errand = _Errand(awaitable, backend or running or "asyncio")
    if running is None:
        errand.run()
    else:
        _run_beside(errand)
    return errand.unwrap()


@final
class _Errand(Generic[T]):
    """One awaitable on its way through a loop of its own."""

    def __init__(self, awaitable: Awaitable[T], backend: str) -> None:
        self._awaitable = awaitable
        self._backend = backend
        self._value: T | None = None
        self._error: BaseException | None = None
        self._changes: list[tuple[ContextVar[Any], Any]] = []
        self._scope: anyio.CancelScope | None = None
        self._token: EventLoopToken | None = None
        self._cancelled = False

    def run(self) -> None:
        try:
            anyio.run(self._main, backend=self._backend)
        except BaseException as exc:  # noqa: BLE001 - Raised by unwrap, whatever it is.
            self._error = exc
            close_unstarted([self._awaitable])

    async def _main(self) -> None:
        before = copy_context()
        self._token = current_token()
        try:
            with anyio.CancelScope() as self._scope:
                if self._cancelled:
                    self._scope.cancel()
                self._value = await self._awaitable
        finally:
            self._changes = changes_since(before)

    def cancel(self) -> None:
        """Cancel the awaitable; from another thread."""
        self._cancelled = True
        if self._token is not None and self._scope is not None:
            try:
                anyio.from_thread.run_sync(self._scope.cancel, token=self._token)
            except RuntimeError:
                # It has ended by itself in the meantime, which is as good.
                return

    def unwrap(self) -> T:
        apply_changes(self._changes)
        if self._error is not None:
            raise_bare(self._error)
        return cast("T", self._value)


def _run_beside(errand: _Errand[Any]) -> None:
    """Run the errand in a thread of its own while this thread's loop stands still."""
    context = copy_context()
    # The variable by which libraries learn what loop they run in must not say that one runs
    # there already. If nobody has imported its module, nobody has set it.
    sniffio = sys.modules.get("sniffio")
    if sniffio is not None:
        context.run(sniffio.current_async_library_cvar.set, None)
    thread = threading.Thread(target=context.run, args=(errand.run,), name="block_on")
    thread.start()
    try:
        thread.join()
    except BaseException:
        errand.cancel()
        thread.join()
        raise


@overload
def run_sync(work: Awaitable[T], /) -> T: ...


@overload
def run_sync(work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, T]: ...


def run_sync(work: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Cross over to the other side: what happens depends on what is handed over.

    - An awaitable is run to its end now, and its value returned: see ``block_on``.
    - A plain function gives an awaitable that runs it in a thread: see ``to_thread``.

    The names ``run_sync`` and ``run_async`` mean opposite things in different libraries, so here
    both mean this. New code says ``block_on`` or ``to_thread``.

    Raises:
        TypeError: at once, for an async function that was not called, for arguments together
            with an awaitable, and for what is neither awaitable nor callable.
    """
    return _dispatch("run_sync", work, args, kwargs)


@overload
def run_async(work: Awaitable[T], /) -> T: ...


@overload
def run_async(work: Callable[..., T], /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, T]: ...


def run_async(work: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Do exactly what ``run_sync`` does; see there."""
    return _dispatch("run_async", work, args, kwargs)


def _dispatch(where: str, work: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if is_awaitable(work):
        if args or kwargs:
            close_unstarted([work])
            raise TypeError(
                f"{where}() takes arguments only for a function: write {where}(f, x) or "
                f"{where}(f(x))"
            )
        return block_on(work)
    name = function_name(work)
    if is_coro_func(work):
        raise TypeError(
            f"{where}() was handed the async function {name} itself: call it, "
            f"{where}({name}(...)), to wait for it here, or write `await {name}(...)`"
        )
    if not callable(work):
        raise TypeError(f"{where}() takes an awaitable or a function, not {describe(work)}")
    return run_in_thread(work, *args, **kwargs)
