"""From a thread back to the event loop."""

from __future__ import annotations

import threading
from contextvars import ContextVar, Token, copy_context
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast, final

import anyio
import anyio.from_thread
from anyio.from_thread import BlockingPortal

from concurrency._interop.blocking import running_backend
from concurrency._pools.carried import apply_changes, changes_since
from concurrency._pools.functions import check_awaitable
from concurrency._validation import close_unstarted

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from types import TracebackType

__all__ = ["ThreadContext", "from_thread"]

T = TypeVar("T")

_inherited: ContextVar[ThreadContext | None] = ContextVar("concurrency_thread_context")

# Every context open in this process, for threads that inherited none.
_open: list[ThreadContext] = []
_open_lock = threading.Lock()


@final
class ThreadContext:
    """Lets threads that AnyIO did not start call back into this event loop.

    Inside ``async with ThreadContext():`` every thread may call ``from_thread``. A thread whose
    context variables were copied from inside the block finds this context; any other thread
    finds it if it is the only one open in the process. With several, call ``context.call(...)``.

    What the threads ask for runs as child tasks of the block, which waits for them when it is
    left; if the block is cancelled or fails, they are cancelled. A call after that is refused.
    """

    def __init__(self) -> None:
        self._portal: BlockingPortal | None = None
        self._restore: Token[ThreadContext | None] | None = None

    def call(self, awaitable: Awaitable[T]) -> T:
        """Run ``awaitable`` in the event loop of the block and return its value; blocks.

        Raises:
            TypeError: it cannot be awaited.
            RuntimeError: the block is not open, or this is the event loop's own thread.
        """
        check_awaitable(awaitable, where="ThreadContext.call()")
        portal = self._portal
        if portal is None:
            close_unstarted([awaitable])
            raise RuntimeError(
                "this ThreadContext is not open: call from inside its `async with` block, and "
                "let the block wait for its threads"
            )
        _refuse_loop_thread(awaitable)
        carried = _Carried(awaitable)
        try:
            portal.call(carried.run)
        finally:
            carried.finish()
        return carried.value

    async def __aenter__(self) -> Self:
        if self._portal is not None:
            raise RuntimeError("this ThreadContext is open already; use one for each block")
        portal = BlockingPortal()
        await portal.__aenter__()
        self._portal = portal
        self._restore = _inherited.set(self)
        with _open_lock:
            _open.append(self)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        portal, self._portal = self._portal, None
        with _open_lock:
            _open.remove(self)
        if self._restore is not None:
            _inherited.reset(self._restore)
        if portal is not None:
            if exc is not None:
                await portal.stop(cancel_remaining=True)
            # The block's own error is not the portal's: it goes on as it is.
            await portal.__aexit__(None, None, None)


def from_thread(awaitable: Awaitable[T]) -> T:
    """Run ``awaitable`` in the event loop that this worker thread belongs to; blocks the thread.

    A thread of ``to_thread``, ``ThreadPool`` or AnyIO belongs to the loop that started it; any
    other needs an open ``ThreadContext``. The awaitable runs as part of the call that started
    the thread and is cancelled with it. Context variables travel both ways, and what it raises
    is raised here, with its traceback.

    Raises:
        TypeError: it cannot be awaited.
        RuntimeError: this is the event loop's own thread (await it), or no event loop is known
            here. A coroutine handed over is closed.
    """
    check_awaitable(awaitable, where="from_thread()")
    _refuse_loop_thread(awaitable)
    carried = _Carried(awaitable)
    try:
        try:
            anyio.from_thread.run(carried.run)
        finally:
            carried.finish()
    except anyio.NoEventLoopError:
        if carried.began:
            raise
    else:
        return carried.value
    return _find_context(awaitable).call(awaitable)


def _find_context(awaitable: Awaitable[Any]) -> ThreadContext:
    context = _inherited.get(None)
    with _open_lock:
        candidates = [each for each in _open if each is context] or list(_open)
    if len(candidates) == 1:
        return candidates[0]
    close_unstarted([awaitable])
    if candidates:
        raise RuntimeError(
            f"from_thread() cannot tell which of {len(candidates)} open ThreadContexts is meant "
            "by this thread: call context.call(...) of the right one"
        )
    raise RuntimeError(
        "from_thread() knows no event loop in this thread: start the thread with to_thread(), or "
        "open `async with ThreadContext():` around its work"
    )


def _refuse_loop_thread(awaitable: Awaitable[Any]) -> None:
    if running_backend() is not None:
        close_unstarted([awaitable])
        raise RuntimeError(
            "this is the event loop's own thread, which would wait for itself: write `await`"
        )


@final
class _Carried(Generic[T]):
    """An awaitable that takes the thread's context variables along and brings its own back."""

    def __init__(self, awaitable: Awaitable[T]) -> None:
        self._awaitable = awaitable
        self._changes: list[tuple[ContextVar[Any], Any]] = []
        self.began = False
        self._value: T | None = None

    async def run(self) -> None:
        # The value stays here: trio refuses to hand over one that is a coroutine itself.
        self.began = True
        before = copy_context()
        try:
            self._value = await self._awaitable
        finally:
            self._changes = changes_since(before)

    @property
    def value(self) -> T:
        return cast("T", self._value)

    def finish(self) -> None:
        apply_changes(self._changes)
