"""Calm, but for a few lanes that are held back for a while."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final, final

from simclock.errors import UsageError
from simclock.schedulers.protocol import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simclock.kernel import Lane

__all__ = ["HoldScheduler"]

# Stands for the length of a run as long as no calm run has been measured.
_STEPS_UNKNOWN: Final = 100


@final
class HoldScheduler:
    """At ``count`` random choices, holds back whoever is about to step, for a random while.

    A lane held back does not step while another one can, as if its work took long; the others
    keep the calm order. Many bugs need one task to stay behind for many steps in an otherwise
    ordinary run: too long for uniform choice, and less than the order among all tasks that
    priorities impose. How long is drawn so that short and long times are equally likely to be
    hit: twice as long is half as likely to be exceeded.
    """

    __slots__ = ("_choices", "_count", "_draw", "_held", "_horizon", "_starts")

    def __init__(self, count: int) -> None:
        """Begin ``count`` holds, 1 or more, in each schedule."""
        if count < 1:
            raise UsageError(f"holds takes a number >= 1, as in 'holds:2', not {count}")
        self._count = count
        self.begin(Random(0), Profile())

    @property
    def name(self) -> str:
        """``holds:`` and their number."""
        return f"holds:{self._count}"

    def begin(self, random: Random, profile: Profile, /) -> None:
        """Draw the choices at which to begin."""
        self._draw = draw = random.random
        self._choices = 0
        self._horizon = horizon = max(profile.steps or _STEPS_UNKNOWN, 2)
        self._starts = sorted((1 + int(draw() * horizon) for _ in range(self._count)), reverse=True)
        # Until which choice each lane is held back.
        self._held: dict[int, int] = {}

    def pick(self, runnable: Sequence[Lane], /) -> int:
        """Return the oldest lane that is not held back."""
        self._choices = choices = self._choices + 1
        index = self._front(runnable)
        while self._starts and self._starts[-1] <= choices:
            self._starts.pop()
            # Whoever is about to step, so that each hold changes something. Its length is
            # uniform on a logarithmic scale, between 1 and the whole run.
            self._held[runnable[index].id] = choices + int(self._horizon ** self._draw())
            index = self._front(runnable)
        return index

    def _front(self, runnable: Sequence[Lane]) -> int:
        held = self._held
        if not held:
            return 0
        for index, lane in enumerate(runnable):
            until = held.get(lane.id)
            if until is None:
                return index
            if self._choices >= until:
                del held[lane.id]
                return index
        return 0

    def pick_timer(self, count: int, /) -> int:
        """Return any timer with equal probability."""
        return int(self._draw() * count)
