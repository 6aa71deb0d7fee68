"""A limiter: tokens that are lent to borrowers known by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import anyio
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from concurrency._primitives.waiters import Line, Waiter
from concurrency._validation import check_number, check_timeout

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["CapacityLimiter"]


@final
class CapacityLimiter:
    """Tokens for at most ``total_tokens`` borrowers at a time, first come, first served.

    A borrower is the calling task, or any hashable object named with ``acquire_on_behalf_of``.
    It borrows one token, and only who borrowed can give back. A task cancelled while it waits
    leaves the line; cancelled after a token was handed to it, it hands the token on.

    The total may be fractional or infinite, and changed at any time. Tokens are lent whole, so
    2.5 lends two, and a total below 1 lends none until it is raised. Lowered below what is out,
    it lends nothing until enough came back; ``available_tokens`` is negative meanwhile.

    Args:
        total_tokens: the number of tokens, ``math.inf`` for no limit.
        capacity: another name for it; give one of the two.

    Raises:
        TypeError: the total is not a number, or given twice, or not at all.
        ValueError: the total is 0 or less, or NaN.
    """

    __slots__ = ("__weakref__", "_borrowers", "_line", "_total", "_waiting")

    def __init__(self, total_tokens: float | None = None, *, capacity: float | None = None) -> None:
        if (total_tokens is None) == (capacity is None):
            raise TypeError(
                "a CapacityLimiter takes one number: CapacityLimiter(10) or "
                "CapacityLimiter(capacity=10)"
            )
        self._total = _check_total(total_tokens if capacity is None else capacity)
        # By key, the borrower as it is shown. A dict for its order.
        self._borrowers: dict[object, object] = {}
        self._line: Line[tuple[object, object]] = Line()
        self._waiting: set[object] = set()

    @property
    def total_tokens(self) -> float:
        """How many tokens there are; settable upwards and downwards.

        Raising it serves those in line at once.
        """
        return self._total

    @total_tokens.setter
    def total_tokens(self, value: float) -> None:
        self._total = _check_total(value)
        self._serve()

    @property
    def total(self) -> float:
        """Another name for :attr:`total_tokens`."""
        return self._total

    @total.setter
    def total(self, value: float) -> None:
        self.total_tokens = value

    @property
    def borrowed_tokens(self) -> int:
        """How many tokens are out."""
        return len(self._borrowers)

    @property
    def borrowed(self) -> int:
        """Another name for :attr:`borrowed_tokens`."""
        return len(self._borrowers)

    @property
    def available_tokens(self) -> float:
        """Total less borrowed; negative while the total was lowered below what is out."""
        return self._total - len(self._borrowers)

    @property
    def available(self) -> float:
        """Another name for :attr:`available_tokens`."""
        return self.available_tokens

    @property
    def remaining_tokens(self) -> float:
        """Another name for :attr:`available_tokens`."""
        return self.available_tokens

    async def acquire(self, *, timeout: float | None = None) -> bool:
        """Borrow a token for this task; ``False`` if ``timeout`` seconds passed first.

        A free token is always had, also with ``timeout=0``. Always a checkpoint.

        Raises:
            RuntimeError: this task has one already.
            TypeError: ``timeout`` is not a number.
            ValueError: ``timeout`` is NaN.
        """
        task = anyio.get_current_task()
        return await self._acquire(task.coro, task, check_timeout(timeout))

    async def acquire_on_behalf_of(self, borrower: object, *, timeout: float | None = None) -> bool:
        """Borrow a token for ``borrower``; otherwise as :meth:`acquire`.

        Raises:
            RuntimeError: ``borrower`` has one already, or waits for one.
            TypeError: ``borrower`` is not hashable, or ``timeout`` not a number.
            ValueError: ``timeout`` is NaN.
        """
        return await self._acquire(_check_borrower(borrower), borrower, check_timeout(timeout))

    def acquire_nowait(self) -> None:
        """Borrow a token for this task if one is free.

        Raises:
            anyio.WouldBlock: none is.
            RuntimeError: this task has one already.
        """
        task = anyio.get_current_task()
        self._borrow_nowait(task.coro, task)

    def acquire_on_behalf_of_nowait(self, borrower: object) -> None:
        """Borrow a token for ``borrower`` if one is free; raises as :meth:`acquire_nowait`."""
        self._borrow_nowait(_check_borrower(borrower), borrower)

    def release(self) -> None:
        """Give back this task's token.

        Raises:
            RuntimeError: it has none.
        """
        self._give_back(anyio.get_current_task().coro, "this task")

    def release_on_behalf_of(self, borrower: object) -> None:
        """Give back ``borrower``'s token.

        Raises:
            RuntimeError: it has none.
            TypeError: ``borrower`` is not hashable.
        """
        self._give_back(_check_borrower(borrower), "this borrower")

    def statistics(self) -> anyio.CapacityLimiterStatistics:
        """Return what is out, to whom, of how many, and how many wait."""
        return anyio.CapacityLimiterStatistics(
            len(self._borrowers), self._total, tuple(self._borrowers.values()), len(self._line)
        )

    async def _acquire(self, key: object, shown: object, seconds: float | None) -> bool:
        await checkpoint_if_cancelled()
        try:
            self._borrow_nowait(key, shown)
        except anyio.WouldBlock:
            self._waiting.add(key)
            try:
                waiter = self._line.join((key, shown))
                return await self._line.wait(waiter, self._pass_on, timeout=seconds)
            finally:
                self._waiting.discard(key)
        # Borrowed before the checkpoint: who asked first has it, whoever runs first afterwards.
        try:
            await checkpoint()
        except BaseException:
            self._give_back(key, "this borrower")
            raise
        return True

    def _borrow_nowait(self, key: object, shown: object) -> None:
        if key in self._borrowers or key in self._waiting:
            raise RuntimeError(
                "this borrower has a token or waits for one: a CapacityLimiter lends one to each; "
                "release() it first, or name another with acquire_on_behalf_of()"
            )
        if not self._has_token() or self._line.has_next():
            raise anyio.WouldBlock
        self._borrowers[key] = shown

    def _give_back(self, key: object, who: str) -> None:
        try:
            del self._borrowers[key]
        except KeyError:
            raise RuntimeError(
                f"{who} has no token to give back: release() once per acquire(), by the borrower"
            ) from None
        self._serve()

    def _has_token(self) -> bool:
        return len(self._borrowers) + 1 <= self._total

    def _serve(self) -> None:
        while self._has_token() and self._line.has_next():
            key, shown = self._line.serve().load
            self._borrowers[key] = shown

    def _pass_on(self, waiter: Waiter[tuple[object, object]]) -> None:
        self._give_back(waiter.load[0], "this borrower")

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.release()


def _check_total(value: object) -> float:
    total = check_number(value, name="total_tokens")
    if total <= 0:
        raise ValueError(f"total_tokens must be more than 0, not {value}")
    # A count stays a whole number where it was given as one.
    return value if isinstance(value, int) else total


def _check_borrower(borrower: object) -> object:
    try:
        hash(borrower)
    except TypeError:
        raise TypeError(
            f"a borrower must be hashable, to be known again; {type(borrower).__qualname__} is not"
        ) from None
    return borrower
