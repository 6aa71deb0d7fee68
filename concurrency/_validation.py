"""Arguments are judged here, in sentences that say what would have been right."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from typing import Any, TypeGuard

__all__ = [
    "check_awaitables",
    "check_callable",
    "check_count",
    "check_deadline",
    "check_duration",
    "check_number",
    "check_timeout",
    "close_unstarted",
    "describe",
    "is_awaitable",
]


def describe(value: object) -> str:
    """Name ``value`` by its kind, never by its address, so that texts repeat in every run."""
    if isinstance(value, (bool, int, float, str, type(None))):
        return repr(value)
    return f"a {type(value).__qualname__}"


def is_awaitable(value: object) -> TypeGuard[Awaitable[Any]]:
    """Tell whether ``await value`` is possible."""
    # The typing ABC checks for __await__ on the class, as the interpreter does; coroutines of
    # generator-based libraries have it too.
    return isinstance(value, Awaitable)


def _is_coroutine(value: object) -> TypeGuard[Coroutine[Any, Any, Any]]:
    return isinstance(value, Coroutine)


def close_unstarted(values: Iterable[object]) -> None:
    """Close every coroutine among ``values``, so that refusing them leaves no warning behind.

    Awaitables that run on their own (futures, tasks) are left alone: they belong to the caller.
    """
    for value in values:
        if _is_coroutine(value):
            value.close()


def check_callable(func: object, *, where: str) -> None:
    """Refuse what cannot be called; a coroutine handed over by mistake is closed.

    Raises:
        TypeError: ``func`` is not callable.
    """
    if callable(func):
        return
    close_unstarted([func])
    if _is_coroutine(func):
        raise TypeError(
            f"{where} takes the function and calls it itself: write f, not f(); it was handed "
            "a coroutine, which can run only once"
        )
    raise TypeError(f"{where} takes a function; it was handed {describe(func)}")


def check_awaitables(aws: Sequence[object], *, where: str) -> None:
    """Refuse a sequence in which anything cannot be awaited or stands twice.

    On refusal every coroutine in it is closed: nothing has started, nothing will warn.

    Raises:
        TypeError: an element is not awaitable.
        ValueError: the same coroutine was handed over twice.
    """
    seen: set[int] = set()
    for position, aw in enumerate(aws):
        if not is_awaitable(aw):
            close_unstarted(aws)
            hint = "; call the function: f(), not f" if callable(aw) else ""
            raise TypeError(f"{where} takes awaitables; number {position} is {describe(aw)}{hint}")
        if _is_coroutine(aw):
            # Membership only: no order is taken from these numbers.
            if id(aw) in seen:
                close_unstarted(aws)
                raise ValueError(
                    f"{where} was handed the same coroutine twice (number {position}); a coroutine "
                    "runs once: call its function again for each use"
                )
            seen.add(id(aw))


def check_number(value: object, *, name: str) -> float:
    """Return ``value`` as a float.

    Raises:
        TypeError: it is not an int or a float (booleans are not numbers here).
        ValueError: it is not a number (NaN).
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, not {describe(value)}")
    if math.isnan(value):
        raise ValueError(f"{name} must be a number; NaN compares with nothing")
    return float(value) if abs(value) < 2**1023 else math.copysign(math.inf, value)


def check_duration(value: object, *, name: str) -> float:
    """Return ``value``, a number of seconds, as a float that is not negative.

    Raises:
        TypeError: it is not a number.
        ValueError: it is negative or NaN.
    """
    seconds = check_number(value, name=name)
    if seconds < 0:
        raise ValueError(f"{name} must be 0 or more seconds, not {value}")
    return seconds


def check_timeout(value: object, *, name: str = "timeout") -> float | None:
    """Return ``value``, a number of seconds or ``None`` for no limit.

    What is left of a budget is often negative; that is "already over", not a mistake, and comes
    back as 0.

    Raises:
        TypeError: it is neither a number nor ``None``.
        ValueError: it is NaN.
    """
    if value is None:
        return None
    return max(0.0, check_number(value, name=name))


def check_deadline(value: object, *, name: str = "deadline") -> float:
    """Return ``value``, an instant of AnyIO's clock or ``None`` for never, as a float.

    Raises:
        TypeError: it is neither a number nor ``None``.
        ValueError: it is NaN.
    """
    return math.inf if value is None else check_number(value, name=name)


def check_count(value: object, *, name: str, minimum: int) -> int:
    """Return ``value`` as an int of at least ``minimum``.

    Raises:
        TypeError: it is not an int (booleans are not counts).
        ValueError: it is below ``minimum``.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {describe(value)}")
    if value < minimum:
        raise ValueError(f"{name} must be {minimum} or more, not {value}")
    return value
