"""Run awaitables side by side and report on each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, final

from concurrency._outcome import Outcome, raise_bare, raise_failures
from concurrency._patterns.crew import Crew
from concurrency._validation import check_awaitables

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine

__all__ = ["Settled", "SettledStatus", "gather_settled"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
D = TypeVar("D")


class SettledStatus(StrEnum):
    """How an awaitable ended."""

    FULFILLED = "fulfilled"
    REJECTED = "rejected"


@final
@dataclass(frozen=True, slots=True)
class Settled(Generic[T_co]):
    """How one awaitable ended: with a ``value``, or with an ``error``."""

    status: SettledStatus
    value: T_co | None = None
    error: Exception | None = None

    @property
    def is_fulfilled(self) -> bool:
        """Whether there is a value."""
        return self.status is SettledStatus.FULFILLED

    @property
    def is_rejected(self) -> bool:
        """Whether there is an error."""
        return self.status is SettledStatus.REJECTED

    def unwrap(self) -> T_co:
        """Return the value, or raise the error as it is."""
        if self.error is not None:
            raise_bare(self.error)
        return cast("T_co", self.value)

    def unwrap_or(self, default: D) -> T_co | D:
        """Return the value, or ``default`` in place of an error."""
        return default if self.is_rejected else cast("T_co", self.value)


def gather_settled(*aws: Awaitable[T]) -> Coroutine[Any, Any, list[Settled[T]]]:
    """Run ``aws`` side by side until all have ended; report on each, in order.

    An ``Exception`` of theirs is never raised, only reported. A cancellation of the caller, and
    what is no ``Exception``, cancels all and is raised once they have ended. One that was
    cancelled on its own is reported with ``anyio.TaskCancelled``.

    Raises:
        TypeError: at the call; an argument cannot be awaited. Every coroutine is closed.
        ValueError: at the call; a coroutine stands twice. Every coroutine is closed.
    """
    check_awaitables(aws, where="gather_settled()")
    return _gather_settled(aws)


async def _gather_settled(aws: tuple[Awaitable[T], ...]) -> list[Settled[T]]:
    crew = Crew(aws)
    try:
        await crew.run(stop=_never)
    finally:
        if fatal := crew.failures(fatal_only=True):
            raise_failures("gathered awaitables failed", fatal)
    return [_report(outcome) for outcome in crew.outcomes]


def _never(_outcome: Outcome[Any]) -> bool:
    return False


def _report(outcome: Outcome[T]) -> Settled[T]:
    outcome.abandon()
    if outcome.error is None:
        return Settled(SettledStatus.FULFILLED, value=outcome.value)
    assert isinstance(outcome.error, Exception)
    return Settled(SettledStatus.REJECTED, error=outcome.error)
