"""Calm: the lane that has been runnable longest steps next."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from simclock.kernel import Lane
    from simclock.schedulers.protocol import Profile

__all__ = ["FifoScheduler"]


@final
class FifoScheduler:
    """Takes option 0 of every decision: the schedule from which all others deviate."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """``fifo``."""
        return "fifo"

    def begin(self, _random: Random, _profile: Profile, /) -> None:
        """Need nothing."""

    def pick(self, _runnable: Sequence[Lane], /) -> int:
        """Return the lane that has been runnable longest."""
        return 0

    def pick_timer(self, _count: int, /) -> int:
        """Return the oldest timer."""
        return 0
