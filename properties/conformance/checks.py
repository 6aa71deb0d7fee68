"""Checks of what kits are told about their subjects."""

from __future__ import annotations

import math
from typing import Any

from simclock.errors import UsageError

__all__ = ["check_count", "check_number"]


def check_count(name: str, value: Any, most: int) -> None:
    """Refuse what is not a whole number from 1 to ``most``.

    More than that makes long scenarios, and shows nothing new.
    """
    if not (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most):
        raise UsageError(
            f"{name} is a whole number from 1 to {most}, not {value!r}; of what has more, examine "
            "a smaller one of the same kind"
        )


def check_number(name: str, value: Any, *, zero: bool = False) -> None:
    """Refuse what is not a finite number above 0, or 0 where ``zero`` may be."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and (0 < value < math.inf or (zero and value == 0))):
        least = "0 or more" if zero else "above 0"
        raise UsageError(f"{name} is a finite number, {least}, not {value!r}")
