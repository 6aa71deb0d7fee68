"""Waiting, under a lock, for something to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, final

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from concurrency._outcome import raise_bare
from concurrency._primitives.lock import Lock
from concurrency._primitives.rlock import RLock
from concurrency._primitives.waiters import Line, Waiter
from concurrency._validation import check_callable, check_count, check_timeout, describe

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Condition"]

T = TypeVar("T")


@final
class Condition:
    """A lock, and a line of tasks that gave it up until they are notified.

    Every call but ``acquire`` needs the lock held by the calling task. ``wait`` always has the
    lock again when it ends, in whichever way, so ``async with condition:`` is always left with a
    lock to release. A notification is not lost: a task cancelled after it was notified passes
    the notification on.

    Args:
        lock: a :class:`Lock` or :class:`RLock` to use, shared if need be; its own by default.

    Raises:
        TypeError: ``lock`` is neither.
    """

    __slots__ = ("__weakref__", "_line", "_lock")

    def __init__(self, lock: Lock | RLock | None = None) -> None:
        if lock is not None and not isinstance(lock, (Lock, RLock)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"Condition() takes a Lock or an RLock, not {describe(lock)}")
        self._lock = Lock() if lock is None else lock
        self._line: Line[None] = Line()

    async def acquire(self, *, timeout: float | None = None) -> bool:
        """Take the lock; ``False`` if ``timeout`` seconds passed first. Raises as it does."""
        return await self._lock.acquire(timeout=timeout)

    def acquire_nowait(self) -> None:
        """Take the lock if that is possible at once. Raises as it does."""
        self._lock.acquire_nowait()

    def release(self) -> None:
        """Give the lock back.

        Raises:
            RuntimeError: this task does not hold it.
        """
        self._lock.release()

    def locked(self) -> bool:
        """Tell whether any task holds the lock."""
        return self._lock.locked()

    async def wait(self, *, timeout: float | None = None) -> bool:
        """Give up the lock until notified; ``False`` if ``timeout`` seconds passed first.

        The time counts until the notification; taking the lock back may take longer. Cancelled,
        it takes the lock back first and raises then, and that part cannot be cancelled.

        Raises:
            RuntimeError: this task does not hold the lock.
            TypeError: ``timeout`` is not a number.
            ValueError: ``timeout`` is NaN.
        """
        seconds = check_timeout(timeout)
        self._check_held("wait()")
        await checkpoint_if_cancelled()
        waiter = self._line.join(None)
        depth = 0
        while self._lock.held_by_current_task():
            self._lock.release()
            depth += 1
        try:
            notified = await self._line.wait(waiter, self._pass_on, timeout=seconds)
        except BaseException:
            await self._take_back(depth)
            raise
        try:
            await self._take_back(depth)
        except BaseException:
            if notified:
                self._pass_on(waiter)
            raise
        return notified

    async def wait_for(self, predicate: Callable[[], T], *, timeout: float | None = None) -> T:
        """Wait until ``predicate()`` is true, asked again after each notification.

        Returns what it returned, which is false only if ``timeout`` seconds passed. It is called
        with the lock held, also for the last time.

        Raises:
            RuntimeError: this task does not hold the lock.
            TypeError: ``predicate`` is not callable, or ``timeout`` not a number.
            ValueError: ``timeout`` is NaN.
        """
        check_callable(predicate, where="wait_for()")
        seconds = check_timeout(timeout)
        self._check_held("wait_for()")
        deadline = None if seconds is None else anyio.current_time() + seconds
        while not (result := predicate()):
            left = None if deadline is None else deadline - anyio.current_time()
            if not await self.wait(timeout=left):
                return predicate()
        return result

    def notify(self, n: int = 1) -> None:
        """Wake the ``n`` tasks that have waited longest, or as many as there are.

        They go on once they have the lock, after this task has released it.

        Raises:
            RuntimeError: this task does not hold the lock.
            TypeError: ``n`` is not a whole number.
            ValueError: ``n`` is negative.
        """
        check_count(n, name="n", minimum=0)
        self._check_held("notify()")
        for _ in range(min(n, len(self._line))):
            self._pass_on()

    def notify_all(self) -> None:
        """Wake every task that waits.

        Raises:
            RuntimeError: this task does not hold the lock.
        """
        self._check_held("notify_all()")
        while self._line:
            self._line.serve()

    def statistics(self) -> anyio.ConditionStatistics:
        """Return how many tasks wait to be notified, and the lock's statistics."""
        return anyio.ConditionStatistics(len(self._line), self._lock.statistics())

    def _check_held(self, what: str) -> None:
        if not self._lock.held_by_current_task():
            raise RuntimeError(f"{what} needs the lock: write `async with condition:` around it")

    def _pass_on(self, _waiter: Waiter[None] | None = None) -> None:
        if self._line.has_next():
            self._line.serve()

    async def _take_back(self, depth: int) -> None:
        interruption: BaseException | None = None
        with anyio.CancelScope(shield=True):
            while not self._lock.held_by_current_task():
                try:
                    await self._lock.acquire()
                except anyio.get_cancelled_exc_class() as exc:
                    # A native cancellation, for the shield keeps scopes out. Leaving without the
                    # lock would make the caller's release() fail and hide it.
                    interruption = exc
            for _ in range(depth - 1):
                self._lock.acquire_nowait()
        if interruption is not None:
            raise_bare(interruption)

    async def __aenter__(self) -> None:
        await self._lock.acquire()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._lock.release()
