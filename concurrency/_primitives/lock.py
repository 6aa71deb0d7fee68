"""Mutual exclusion: AnyIO's lock with a timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import anyio
from anyio.lowlevel import checkpoint_if_cancelled, current_token

from concurrency._validation import check_timeout

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType
    from typing import Any

__all__ = ["Lock"]

_UNUSED = anyio.LockStatistics(locked=False, owner=None, tasks_waiting=0)


@final
class Lock:
    """A lock one task holds at a time, served first come, first served.

    Releasing hands it straight to the first task in line, so a task that releases and acquires
    again queues behind those who waited. Only the holder may release it. A free lock is taken
    without letting other tasks run; a cancelled scope is noticed all the same.

    A task cancelled while it waits leaves the line; cancelled after the lock was handed to it,
    it hands it on. It may be made outside an event loop, and then belongs to the first event
    loop library that uses it.
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        # AnyIO's fast path keeps every promise above, and knows the running task for less than
        # any public way of asking for it. It is made by the first use, and so always inside an
        # event loop: one made outside would go through an adapter for ever, at a fifth more.
        self._lock: anyio.Lock | None = None

    async def acquire(self, *, timeout: float | None = None) -> bool:
        """Wait for the lock and take it; ``False`` if ``timeout`` seconds passed first.

        A free lock is always had, also with ``timeout=0``.

        Raises:
            RuntimeError: this task holds the lock already.
            TypeError: ``timeout`` is not a number.
            ValueError: ``timeout`` is NaN.
        """
        lock = self._lock or self._bind()
        if timeout is None:
            await lock.acquire()
            return True
        seconds = check_timeout(timeout)
        await checkpoint_if_cancelled()
        try:
            lock.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(seconds):
                await lock.acquire()
                return True
            return False
        return True

    def acquire_nowait(self) -> None:
        """Take the lock if it is free.

        Raises:
            anyio.WouldBlock: another task holds it.
            RuntimeError: this task holds it already.
        """
        (self._lock or self._bind()).acquire_nowait()

    def release(self) -> None:
        """Give the lock back, or rather to the first task in line.

        Raises:
            RuntimeError: this task does not hold it.
        """
        (self._lock or self._bind()).release()

    def locked(self) -> bool:
        """Tell whether any task holds the lock."""
        return self._lock is not None and self._lock.locked()

    def held_by_current_task(self) -> bool:
        """Tell whether the calling task holds the lock."""
        return self.statistics().owner == anyio.get_current_task()

    def statistics(self) -> anyio.LockStatistics:
        """Return whether it is held, by which task, and how many wait."""
        return _UNUSED if self._lock is None else self._lock.statistics()

    def __aenter__(self) -> Coroutine[Any, Any, None]:
        """Wait for the lock and take it."""
        return (self._lock or self._bind()).acquire()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.release()

    def _bind(self) -> anyio.Lock:
        current_token()  # Or else there is no event loop, and an error that says so.
        self._lock = anyio.Lock(fast_acquire=True)
        return self._lock
