"""Calm, but for a few delays at random places."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final, final

from simclock.errors import UsageError
from simclock.kernel import Lane
from simclock.schedulers.postponing import Postponing
from simclock.schedulers.protocol import Profile

__all__ = ["RandomDelayScheduler"]

# Stands for the number of choices as long as no calm run has counted them.
_CHOICES_UNKNOWN: Final = 100


@final
class RandomDelayScheduler:
    """Draws ``count`` delays from all the places at which ``delays`` would try them.

    The sampled counterpart of :class:`~simclock.schedulers.delays.DelayScheduler`, for programs
    with too many choices to walk through: each run spends all its delays, anywhere.
    """

    __slots__ = ("_choices", "_count", "_draw", "_planned", "_postponing")

    def __init__(self, count: int) -> None:
        """Spend ``count`` delays, 1 or more, on each schedule."""
        if count < 1:
            raise UsageError(f"random-delays takes a number >= 1, not {count}")
        self._count = count
        self.begin(Random(0), Profile())

    @property
    def name(self) -> str:
        """``random-delays:`` and their number."""
        return f"random-delays:{self._count}"

    def begin(self, random: Random, profile: Profile, /) -> None:
        """Draw the places of the delays."""
        self._draw = random.random
        self._choices = 0
        self._postponing = Postponing()
        horizon = max(profile.choices if profile.steps else _CHOICES_UNKNOWN, 1)
        self._planned: dict[int, int] = {}
        for _ in range(self._count):
            place = 1 + int(self._draw() * horizon)
            self._planned[place] = self._planned.get(place, 0) + 1

    def pick(self, runnable: Sequence[Lane], /) -> int:
        """Return the oldest lane, after the delays drawn for this choice."""
        self._choices += 1
        for _ in range(self._planned.get(self._choices, 0)):
            self._postponing.delay(runnable)
        return self._postponing.front(runnable)

    def pick_timer(self, count: int, /) -> int:
        """Return any timer with equal probability."""
        return int(self._draw() * count)
