"""Run awaitables against each other and keep one result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from concurrency._outcome import Outcome, raise_bare, raise_failures
from concurrency._patterns.crew import Crew
from concurrency._validation import check_awaitables, check_timeout, close_unstarted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

__all__ = ["first_success", "race"]

T = TypeVar("T")


def race(*aws: Awaitable[T], timeout: float | None = None) -> Coroutine[Any, Any, T]:
    """Run ``aws`` side by side; return what the first to end returned, or raise what it raised.

    The first completion wins, error or not; its error comes bare. The others are then cancelled
    and awaited, and only then does the race end. What a loser returns or raises meanwhile is
    dropped, except what is no ``Exception``, which is raised.

    A cancellation of the caller cancels all and is raised once they have ended.

    Raises:
        TimeoutError: nothing had ended after ``timeout`` seconds.
        TypeError: at the call; an argument cannot be awaited, or ``timeout`` is no number.
        ValueError: at the call; nothing was handed over, a coroutine stands twice, or
            ``timeout`` is NaN. Every coroutine is closed on refusal.
    """
    seconds = _check(aws, timeout, "race()")
    return _race(aws, seconds)


def first_success(*aws: Awaitable[T], timeout: float | None = None) -> Coroutine[Any, Any, T]:
    """Run ``aws`` side by side; return what the first to succeed returned.

    Failures are waited out. As soon as one succeeds, the others are cancelled and awaited. If
    all fail, their errors come as one ``ExceptionGroup``, in the order of the arguments. What is
    no ``Exception`` ends everything and is raised.

    A cancellation of the caller cancels all and is raised once they have ended.

    Raises:
        TimeoutError: nothing had succeeded after ``timeout`` seconds; its cause is the group of
            the failures until then, if any.
        TypeError: at the call; an argument cannot be awaited, or ``timeout`` is no number.
        ValueError: at the call; nothing was handed over, a coroutine stands twice, or
            ``timeout`` is NaN. Every coroutine is closed on refusal.
    """
    seconds = _check(aws, timeout, "first_success()")
    return _first_success(aws, seconds)


async def _race(aws: tuple[Awaitable[T], ...], seconds: float | None) -> T:
    crew = Crew(aws)
    try:
        await _run_within(crew, seconds, stop=_always)
    except anyio.get_cancelled_exc_class():
        # The winner's error beats a cancellation that came while the losers were leaving.
        if crew.ended and crew.ended[0].error is not None:
            raise_bare(crew.ended[0].error)
        raise
    if not crew.ended:
        raise TimeoutError(f"nothing had ended after {seconds} s")
    return crew.ended[0].unwrap()


async def _first_success(aws: tuple[Awaitable[T], ...], seconds: float | None) -> T:
    crew = Crew(aws)
    timed_out = await _run_within(crew, seconds, stop=_is_success)
    for outcome in crew.ended:
        if outcome.error is None:
            return outcome.value
    if not timed_out:
        for outcome in crew.outcomes:
            outcome.abandon()
        raise_failures("none succeeded", crew.failures())
    failures = crew.failures()
    cause = BaseExceptionGroup("the failures until then", failures) if failures else None
    raise TimeoutError(f"nothing had succeeded after {seconds} s") from cause


async def _run_within(
    crew: Crew[T], seconds: float | None, *, stop: Callable[[Outcome[T]], bool]
) -> bool:
    """Run ``crew`` for at most ``seconds``; tell whether the time cut it short."""
    try:
        with anyio.move_on_after(seconds) as scope:
            await crew.run(stop=stop)
    finally:
        if fatal := crew.failures(fatal_only=True):
            raise_failures("racing awaitables failed", fatal)
    if not scope.cancelled_caught and not crew.ended:
        # Natively cancelled before their first step, all of them.
        for outcome in crew.outcomes:
            outcome.abandon()
        crew.ended.extend(crew.outcomes)
    return scope.cancelled_caught


def _check(aws: tuple[Awaitable[Any], ...], timeout: float | None, where: str) -> float | None:
    check_awaitables(aws, where=where)
    if not aws:
        raise ValueError(f"{where} takes at least one awaitable: among none, none comes first")
    try:
        return check_timeout(timeout)
    except (TypeError, ValueError):
        close_unstarted(aws)
        raise


def _always(_outcome: Outcome[Any]) -> bool:
    return True


def _is_success(outcome: Outcome[Any]) -> bool:
    return outcome.error is None
