"""Checks of what kits are told about their subjects."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

from simclock.errors import UsageError

__all__ = [
    "Shape",
    "check_choice",
    "check_count",
    "check_error",
    "check_number",
    "check_seconds",
    "check_shape",
    "is_number",
    "is_whole",
]

#: How failures come: always as an exception group, one as it is, or as it happens.
Shape = Literal["group", "bare", "either"]


def is_number(value: Any) -> bool:
    """Whether ``value`` is an int or a float, and not True or False."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether ``value`` is an int, and not True or False."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_count(name: str, value: Any, most: int, *, least: int = 1) -> None:
    """Refuse what is not a whole number from ``least`` to ``most``.

    More than that makes long scenarios, and shows nothing new.
    """
    if not (is_whole(value) and least <= value <= most):
        raise UsageError(
            f"{name} is a whole number from {least} to {most}, not {value!r}; of what has more, "
            "examine a smaller one of the same kind"
        )


def check_number(name: str, value: Any, *, zero: bool = False) -> None:
    """Refuse what is not a finite number above 0, or 0 where ``zero`` may be."""
    if not (is_number(value) and (0 < value < math.inf or (zero and value == 0))):
        least = "0 or more" if zero else "above 0"
        raise UsageError(f"{name} is a finite number, {least}, not {value!r}")


def check_seconds(name: str, value: float, least: float) -> None:
    """Refuse a time that is shorter than ``least``: what rounding hides, no run can show."""
    if value < least:
        raise UsageError(
            f"{name} is {least:g} s or more, not {value:g} s, which rounding could hide; examine "
            "a slower one of the same kind"
        )


def check_choice(name: str, value: Any, *choices: str) -> None:
    """Refuse what is none of ``choices``."""
    if value not in choices:
        *others, last = map(repr, choices)
        raise UsageError(f"{name} is {', '.join(others)} or {last}, not {value!r}")


def check_shape(value: Any) -> None:
    """Refuse what is no :data:`Shape`."""
    check_choice("shape", value, *get_args(Shape))


def check_error(name: str, value: Any, kind: type[BaseException]) -> None:
    """Refuse what is not ``kind`` or a class derived from it."""
    if not (isinstance(value, type) and issubclass(value, kind)):
        raise UsageError(f"{name} is a class derived from {kind.__name__}, not {value!r}")
