"""Run awaitables side by side and collect what they return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from concurrency._outcome import Outcome, raise_failures
from concurrency._patterns.crew import Crew
from concurrency._validation import check_awaitables

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine

__all__ = ["gather"]

T = TypeVar("T")


@overload
def gather(
    *aws: Awaitable[T], return_exceptions: Literal[False] = ...
) -> Coroutine[Any, Any, list[T]]: ...


@overload
def gather(
    *aws: Awaitable[T], return_exceptions: bool
) -> Coroutine[Any, Any, list[T | Exception]]: ...


def gather(*aws: Awaitable[Any], return_exceptions: bool = False) -> Coroutine[Any, Any, list[Any]]:
    """Run ``aws`` side by side, each in a task of its own; return their results in order.

    The first failure cancels the rest. When all have ended, whatever was raised comes as one
    ``ExceptionGroup``, in the order of the arguments; a lone SystemExit or KeyboardInterrupt
    comes bare. A cancellation of the caller cancels all of them, is raised once they have ended,
    and gives way only to failures.

    With ``return_exceptions=True`` an ``Exception`` takes its result's place and cancels
    nothing. What is no ``Exception``, and a cancellation of the caller, is raised all the same.

    One that is cancelled on its own (natively, or a future that was) fails with
    ``anyio.TaskCancelled``.

    Raises:
        TypeError: at the call; an argument cannot be awaited. Every coroutine is closed.
        ValueError: at the call; a coroutine stands twice. Every coroutine is closed.
    """
    check_awaitables(aws, where="gather()")
    return _gather(aws, return_exceptions=bool(return_exceptions))


async def _gather(aws: tuple[Awaitable[T], ...], *, return_exceptions: bool) -> list[Any]:
    crew = Crew(aws)

    def is_failure(outcome: Outcome[T]) -> bool:
        return outcome.error is not None and not return_exceptions

    try:
        await crew.run(stop=is_failure)
    except BaseException:
        if failures := crew.failures(fatal_only=return_exceptions):
            raise_failures("gathered awaitables failed", failures)
        raise
    if failures := crew.failures(fatal_only=return_exceptions):
        raise_failures("gathered awaitables failed", failures)
    for outcome in crew.outcomes:
        outcome.abandon()
    if not return_exceptions and (failures := crew.failures()):
        raise_failures("gathered awaitables were cancelled", failures)
    return [outcome.value if outcome.error is None else outcome.error for outcome in crew.outcomes]
