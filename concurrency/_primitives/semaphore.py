"""A number of permits, lent to whoever asks first."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import anyio
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from concurrency._primitives.waiters import Line, Waiter
from concurrency._validation import check_count, check_timeout

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Semaphore"]


@final
class Semaphore:
    """A count of permits: ``acquire`` takes one or waits for one, ``release`` gives one.

    Permits belong to nobody: any task may release. A released permit goes straight to the first
    task in line; nobody who comes later can take it. A task cancelled while it waits leaves the
    line; cancelled after a permit was handed to it, it hands the permit on.

    Args:
        initial_value: how many permits there are to begin with.
        max_value: refuse a release that would leave more than this; ``None`` for no bound.

    Raises:
        TypeError: a count is not a whole number.
        ValueError: ``initial_value`` is below 0, or ``max_value`` below ``initial_value``.
    """

    __slots__ = ("__weakref__", "_line", "_max_value", "_value")

    def __init__(self, initial_value: int = 1, *, max_value: int | None = None) -> None:
        self._value = check_count(initial_value, name="initial_value", minimum=0)
        if max_value is not None:
            check_count(max_value, name="max_value", minimum=self._value)
        self._max_value = max_value
        self._line: Line[None] = Line()

    async def acquire(self, *, timeout: float | None = None) -> bool:
        """Take a permit, waiting for one; ``False`` if ``timeout`` seconds passed first.

        A free permit is always had, also with ``timeout=0``. Always a checkpoint.

        Raises:
            TypeError: ``timeout`` is not a number.
            ValueError: ``timeout`` is NaN.
        """
        seconds = check_timeout(timeout)
        await checkpoint_if_cancelled()
        if self._value == 0:
            return await self._line.wait(self._line.join(None), self._pass_on, timeout=seconds)
        # Taken before the checkpoint: who asked first has it, whoever runs first afterwards.
        self._value -= 1
        try:
            await checkpoint()
        except BaseException:
            self.release()
            raise
        return True

    def acquire_nowait(self) -> None:
        """Take a permit if one is free.

        Raises:
            anyio.WouldBlock: none is.
        """
        if self._value == 0:
            raise anyio.WouldBlock
        self._value -= 1

    def release(self) -> None:
        """Give a permit: to the first task in line, if any waits.

        Raises:
            ValueError: that would be more than ``max_value``.
        """
        if self._value == self._max_value:
            raise ValueError(
                f"the semaphore has all its {self._max_value} permits: release() once per acquire()"
            )
        if self._line.waiting and self._line.has_next():
            self._line.serve()
        else:
            self._value += 1

    @property
    def value(self) -> int:
        """How many permits are free."""
        return self._value

    @property
    def max_value(self) -> int | None:
        """The bound on free permits, ``None`` for none."""
        return self._max_value

    def locked(self) -> bool:
        """Tell whether an ``acquire`` would have to wait."""
        return self._value == 0

    def statistics(self) -> anyio.SemaphoreStatistics:
        """Return how many tasks wait."""
        return anyio.SemaphoreStatistics(len(self._line))

    def _pass_on(self, _waiter: Waiter[None]) -> None:
        if self._line.waiting and self._line.has_next():
            self._line.serve()
        elif self._value != self._max_value:
            # At the bound already, somebody released what was never taken: not our caller's
            # mistake, and no reason to replace its cancellation with an error.
            self._value += 1

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.release()
