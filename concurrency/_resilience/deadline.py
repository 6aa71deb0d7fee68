"""A time budget that is handed on, so that every part knows what is left of the whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, final

import anyio

from concurrency import cancel
from concurrency._validation import check_deadline, check_number, check_timeout

if TYPE_CHECKING:
    from concurrency.cancel import CancelScope, FailScope

__all__ = ["Deadline"]


@final
@dataclass(frozen=True, slots=True, order=True)
class Deadline:
    """An instant on AnyIO's clock by which work must be done; ``math.inf`` for none.

    Within one run a cancel scope passes its deadline on by itself, to everything awaited in it
    and to the tasks of groups opened in it. What it does not reach is passed a ``Deadline``: a
    task of another group, a thread, a queue's other end, a service elsewhere (as
    ``remaining()``, because clocks differ; there ``Deadline.after(seconds)`` begins anew).

    Raises:
        TypeError: the instant is not a number.
        ValueError: it is NaN.
    """

    instant: float

    def __post_init__(self) -> None:
        check_deadline(self.instant, name="Deadline(instant=)")

    @classmethod
    def after(cls, seconds: float | None) -> Self:
        """Return the deadline ``seconds`` from now; ``None`` is no deadline.

        What is left of a budget may be negative: such a deadline has passed.
        """
        left = check_timeout(seconds, name="Deadline.after(seconds=)")
        return cls(math.inf if left is None else anyio.current_time() + left)

    @classmethod
    def current(cls) -> Self:
        """Return the deadline this task is under: the nearest of its cancel scopes."""
        return cls(anyio.current_effective_deadline())

    def remaining(self) -> float:
        """Return the seconds left, never below 0; ``math.inf`` without a deadline."""
        return max(0.0, self.instant - anyio.current_time())

    @property
    def expired(self) -> bool:
        """Whether the instant has come."""
        return anyio.current_time() >= self.instant

    def share(self, fraction: float) -> Deadline:
        """Return the deadline that leaves a part of the work this fraction of what remains.

        ``deadline.share(0.8)`` keeps a fifth for what comes after.

        Raises:
            TypeError: ``fraction`` is not a number.
            ValueError: it is not above 0, or above 1.
        """
        part = check_number(fraction, name="Deadline.share(fraction=)")
        if not 0 < part <= 1:
            raise ValueError(f"Deadline.share(fraction=) is above 0 and at most 1, not {fraction}")
        if self.instant in {math.inf, -math.inf}:
            return self
        return Deadline(min(self.instant, anyio.current_time() + self.remaining() * part))

    def fail(self) -> FailScope:
        """Return a scope, for ``with`` or ``async with``, that raises ``TimeoutError`` then."""
        return cancel.fail_at(self.instant)

    def move_on(self) -> CancelScope:
        """Return a scope, for ``with`` or ``async with``, that is left in silence then."""
        return cancel.move_on_at(self.instant)
