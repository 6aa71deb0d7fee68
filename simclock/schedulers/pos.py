"""Partial-order sampling, basic form: each pending step draws a priority of its own.

Yuan, Yang, Gu, "Partial Order Aware Concurrency Sampling", CAV 2018. The full algorithm also
redraws the priorities of pending steps that race with the one executed; that needs to know what
a step will touch before it runs, which nothing here can tell.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, final

from simclock.schedulers.protocol import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simclock.kernel import Lane

__all__ = ["PosScheduler"]


@final
class PosScheduler:
    """Runs the pending step of highest priority; each step draws one when it becomes pending.

    A step that drew a low priority keeps it, so a lane can starve through many choices: that is
    what uniform choice practically never does.
    """

    __slots__ = ("_draw", "_drawn_for")

    def __init__(self) -> None:
        """Be ready for use; :meth:`begin` decides the draws."""
        self.begin(Random(0), Profile())

    @property
    def name(self) -> str:
        """``pos``."""
        return "pos"

    def begin(self, random: Random, _profile: Profile, /) -> None:
        """Forget the priorities of the last run."""
        self._draw = random.random
        # For each lane the ``seq`` of the pending step whose priority it holds as its rank.
        self._drawn_for: dict[int, int] = {}

    def pick(self, runnable: Sequence[Lane], /) -> int:
        """Return the lane whose pending step has the highest priority."""
        drawn_for = self._drawn_for
        best, highest = 0, -1.0
        for index, lane in enumerate(runnable):
            if drawn_for.get(lane.id) != lane.seq:
                drawn_for[lane.id] = lane.seq
                lane.rank = self._draw()
            if lane.rank > highest:
                best, highest = index, lane.rank
        return best

    def pick_timer(self, count: int, /) -> int:
        """Return any timer with equal probability."""
        return int(self._draw() * count)
