"""The cancel scope: AnyIO's own, with a timeout that counts from entering."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Self, final

import anyio

from concurrency._validation import check_deadline, check_timeout, describe

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["CancelScope", "FailScope"]


@final
class CancelScope:
    """A block of work that can be cancelled as one, by hand or by the clock.

    Works with ``with`` and ``async with``; neither is itself a checkpoint. Once cancelled, every
    checkpoint inside raises the event loop's cancellation, until the block is left; the scope
    swallows it there. It can be built outside an event loop, and entered once.

    Args:
        timeout: seconds from entering until the scope cancels itself; ``None`` for no limit, 0
            or less for "at the first checkpoint".
        deadline: the instant of ``current_time()`` at which it cancels itself. With both, the
            earlier one counts.
        shield: keep cancellation from outer scopes out. Natively cancelled asyncio tasks are
            not kept out by any scope; :func:`shield` does that.

    Raises:
        TypeError: a time is not a number.
        ValueError: a time is NaN.
    """

    __slots__ = ("_by_hand", "_deadline", "_inner", "_shield", "_timeout")

    def __init__(
        self,
        *,
        timeout: float | None = None,
        deadline: float = math.inf,
        shield: bool = False,
    ) -> None:
        self._timeout = check_timeout(timeout)
        self._deadline = check_deadline(deadline)
        self._shield = bool(shield)
        self._by_hand = False
        self._inner: anyio.CancelScope | None = None

    @classmethod
    def around(cls, scope: anyio.CancelScope) -> Self:
        """Return a view on an AnyIO scope that somebody else enters and leaves."""
        view = cls()
        view._inner = scope
        return view

    def cancel(self, reason: str | None = None) -> None:
        """Cancel the scope now; again, or after its end, without effect.

        May be called before the scope is entered: its first checkpoint is then cancelled.
        """
        if self._inner is None:
            self._by_hand = True
            return
        # A deadline that has fired before keeps being the cause.
        if not self._inner.cancel_called:
            self._by_hand = True
            self._inner.cancel(reason)

    @property
    def deadline(self) -> float:
        """The instant at which the scope cancels itself, ``inf`` for never; settable any time.

        Before entering, a timeout still to be counted is not part of it.
        """
        return self._deadline if self._inner is None else self._inner.deadline

    @deadline.setter
    def deadline(self, value: float) -> None:
        instant = check_deadline(value)
        if self._inner is None:
            self._deadline = instant
        else:
            self._inner.deadline = instant

    @property
    def shield(self) -> bool:
        """Whether cancellation from outer scopes is kept out; settable any time."""
        return self._shield if self._inner is None else self._inner.shield

    @shield.setter
    def shield(self, value: bool) -> None:
        if self._inner is None:
            self._shield = bool(value)
        else:
            self._inner.shield = bool(value)

    @property
    def cancel_called(self) -> bool:
        """Whether the scope was cancelled, by hand or by its deadline."""
        return self._by_hand if self._inner is None else self._inner.cancel_called

    @property
    def cancelled_caught(self) -> bool:
        """Whether work inside was in fact cut short, and the cancellation swallowed here."""
        return self._inner is not None and self._inner.cancelled_caught

    @property
    def timed_out(self) -> bool:
        """Whether work inside was cut short by the deadline, and not by :meth:`cancel`."""
        return self.cancelled_caught and not self._by_hand

    @property
    def cancelled_by_hand(self) -> bool:
        """Whether :meth:`cancel`, and not the deadline, cancelled the scope."""
        return self._by_hand

    @property
    def expired(self) -> bool:
        """Whether the deadline, and not :meth:`cancel`, cancelled the scope."""
        return self.cancel_called and not self._by_hand

    def __enter__(self) -> Self:
        if self._inner is not None:
            raise RuntimeError("a CancelScope is entered once; make a new one for each block")
        deadline = self._deadline
        if self._timeout is not None:
            deadline = min(deadline, anyio.current_time() + self._timeout)
        inner = anyio.CancelScope(deadline=deadline, shield=self._shield)
        if self._by_hand:
            inner.cancel()
        inner.__enter__()
        self._inner = inner
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        if self._inner is None:
            raise RuntimeError("this CancelScope was not entered: use it in a with statement")
        return self._inner.__exit__(exc_type, exc, tb)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        return self.__exit__(exc_type, exc, tb)


@final
class FailScope:
    """A :class:`CancelScope` whose deadline is an error: what ``fail_after`` returns.

    Entering gives the scope. ``TimeoutError`` is raised on leaving if the deadline, and nothing
    else, cut work inside short: never after an explicit ``scope.cancel()``, never when the
    block got done in spite of the deadline, never in place of an error of the block's own.
    """

    __slots__ = ("_scope",)

    def __init__(self, scope: CancelScope) -> None:
        if not isinstance(scope, CancelScope):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"FailScope takes a CancelScope, not {describe(scope)}")
        self._scope = scope

    def __enter__(self) -> CancelScope:
        return self._scope.__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        swallowed = self._scope.__exit__(exc_type, exc, tb)
        if swallowed and self._scope.timed_out:
            raise TimeoutError("the deadline passed before the block was done")
        return swallowed

    async def __aenter__(self) -> CancelScope:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        return self.__exit__(exc_type, exc, tb)
