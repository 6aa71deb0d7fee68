"""Virtual time: whole nanoseconds inside, float seconds outside.

An *instant* is a whole number of nanoseconds since the run began. Programs speak of time in
floats, and a float rarely is a whole number of nanoseconds. Two promises tie the two together:

* a deadline belongs to the nanosecond nearest to it, so that ``0.1 + 0.2`` and ``0.3`` are the
  same instant and timers 10**9 seconds away fire exactly when they should;
* what the clock shows at an instant is never less than any deadline that belongs to it and has
  been reached, so that code which waited for ``start + 0.1`` finds ``start + 0.1 <= now``.
"""

from __future__ import annotations

__all__ = ["NANOSECONDS", "from_seconds", "to_seconds"]

NANOSECONDS = 10**9

# Below this many seconds ``seconds * 1e9`` is off by less than a thousandth of a nanosecond, so
# rounding it gives the nearest nanosecond. Further out the product rounds to halves and wholes
# of its own, and rounding twice may give a neighbour.
_EXACT_PRODUCT_SECONDS = float(2**13)


def from_seconds(seconds: float) -> int:
    """Return the whole nanosecond nearest to ``seconds``, which must be finite.

    Within a thousandth of a nanosecond of the middle between two, either may be returned.
    """
    if -_EXACT_PRODUCT_SECONDS < seconds < _EXACT_PRODUCT_SECONDS:
        return round(seconds * 1e9)
    numerator, denominator = seconds.as_integer_ratio()
    return (2 * numerator * NANOSECONDS + denominator) // (2 * denominator)


def to_seconds(nanoseconds: int) -> float:
    """Return ``nanoseconds`` in seconds, correctly rounded."""
    return nanoseconds / NANOSECONDS
