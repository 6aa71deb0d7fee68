"""Strategies of durations."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from simclock.errors import UsageError

__all__ = ["TIMINGS", "timings"]

TIMINGS: Final = (1.0, 0.0, 2.0, 0.5, 3.0, 0.1, 0.2, 0.3, 1.5, 10.0, 60.0)
"""Durations that meet: sums of some are others, so that deadlines tie, and 0 does not wait."""


def timings(*, most: float = 60.0) -> st.SearchStrategy[float]:
    """Return a strategy of seconds, few and often equal, so that timers meet at one instant.

    They shrink towards 1.

    Raises:
        UsageError: ``most`` leaves nothing to draw.
    """
    if not most >= 0:
        raise UsageError(f"timings(most=…) takes seconds >= 0, not {most!r}")
    return st.sampled_from([seconds for seconds in TIMINGS if seconds <= most])
