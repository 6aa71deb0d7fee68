"""A lock its holder may take again."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from concurrency._primitives.lock import Lock
from concurrency._validation import check_timeout

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["RLock"]


@final
class RLock:
    """A lock the holding task may take any number of times, and must release as often.

    "The holder" is the task, not the code: work that a holder starts in another task (also with
    ``gather`` or ``shield``) waits like everyone else. Otherwise it keeps the promises of
    :class:`Lock`.
    """

    __slots__ = ("__weakref__", "_depth", "_lock", "_owner")

    def __init__(self) -> None:
        self._lock = Lock()
        self._owner: object | None = None
        self._depth = 0

    async def acquire(self, *, timeout: float | None = None) -> bool:
        """Take the lock, or take it once more; ``False`` if ``timeout`` seconds passed first.

        Raises:
            TypeError: ``timeout`` is not a number.
            ValueError: ``timeout`` is NaN.
        """
        seconds = check_timeout(timeout)
        me = _current_owner()
        if self._owner is me:
            await checkpoint_if_cancelled()
            self._depth += 1
            return True
        if not await self._lock.acquire(timeout=seconds):
            return False
        self._owner, self._depth = me, 1
        return True

    def acquire_nowait(self) -> None:
        """Take the lock if it is free or held by this task.

        Raises:
            anyio.WouldBlock: another task holds it.
        """
        me = _current_owner()
        if self._owner is not me:
            self._lock.acquire_nowait()
            self._owner = me
        self._depth += 1

    def release(self) -> None:
        """Undo one acquire; the last one hands the lock to the first task in line.

        Raises:
            RuntimeError: this task does not hold it.
        """
        if self._owner is not _current_owner():
            raise RuntimeError(
                "an RLock is released by the task that holds it, and this one does not"
            )
        self._depth -= 1
        if self._depth == 0:
            self._owner = None
            self._lock.release()

    def locked(self) -> bool:
        """Tell whether any task holds the lock."""
        return self._lock.locked()

    def held_by_current_task(self) -> bool:
        """Tell whether the calling task holds the lock."""
        return self._owner is _current_owner()

    def statistics(self) -> anyio.LockStatistics:
        """Return whether it is held, by which task, and how many wait."""
        return self._lock.statistics()

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.release()


def _current_owner() -> object:
    # A task's coroutine is its identity: unlike its id, it is not given to another task while
    # somebody still remembers it here.
    return anyio.get_current_task().coro
