"""Uniform random walk: lanes with much left to do run more often.

Zhao, Wolff, Mathur, Roychoudhury, "Selectively Uniform Concurrency Testing", ASPLOS 2025, whose
first half is this walk. Choosing lanes uniformly makes interleavings in which the long lane is
overtaken late exponentially rare; weighing each lane by the steps that it and the lanes it has
yet to spawn still have before them makes all interleavings about equally likely.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, final

from simclock.kernel import CALLBACKS, Lane
from simclock.schedulers.detached import DETACHED
from simclock.schedulers.protocol import LaneKey, Profile, RunView

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["UrwScheduler"]


@final
class UrwScheduler:
    """Chooses a lane with probability proportional to the steps that remain to it.

    How many there are is taken from the profile of the calm run, by place in the tree of spawns.
    A lane without an entry there counts one step, and no lane ever counts less than that, so
    every schedule stays possible. Among independent lanes that take the steps of their profile,
    all interleavings are equally likely.
    """

    __slots__ = ("_draw", "_left", "_profile", "_read", "_run", "_totals")

    def __init__(self) -> None:
        """Be ready for use; :meth:`begin` decides the draws."""
        self._profile: Profile | None = None
        self._totals: dict[LaneKey, int] = {}
        self.begin(Random(0), Profile())

    @property
    def name(self) -> str:
        """``urw``."""
        return "urw"

    def begin(self, random: Random, profile: Profile, /) -> None:
        """Take the weights from ``profile``."""
        if profile is not self._profile:
            self._profile, self._totals = profile, _totals(profile)
        self._run: RunView = DETACHED
        self._draw = random.random
        self._left: dict[int, int] = {}
        self._read = 0

    def attach(self, run: RunView) -> None:
        """Learn from ``run`` who stepped."""
        self._run = run

    def spawned(self, lane: Lane) -> None:
        """Move the steps of a new lane from the one that spawned it to the lane itself."""
        total = self._totals.get(lane.key)
        self._left[lane.id] = total or 1
        parent = lane.parent
        if total is not None and parent is not None and parent.id != CALLBACKS:
            self._left[parent.id] = self._left.get(parent.id, 1) - total

    def pick(self, runnable: Sequence[Lane], /) -> int:
        """Return a lane, drawn by weight."""
        left, order = self._left, self._run.trace.order
        # The trace also has the steps that were no choice.
        for index in range(self._read, len(order)):
            if order[index] in left:
                left[order[index]] -= 1
        self._read = len(order)
        weights = [max(1, left.get(lane.id, 1)) for lane in runnable]
        drawn = self._draw() * sum(weights)
        for index, weight in enumerate(weights):
            drawn -= weight
            if drawn < 0:
                return index
        return len(runnable) - 1

    def pick_timer(self, count: int, /) -> int:
        """Return any timer with equal probability."""
        return int(self._draw() * count)


def _totals(profile: Profile) -> dict[LaneKey, int]:
    """Return the steps of each lane of ``profile`` and of all its descendants together."""
    totals: dict[LaneKey, int] = {}
    for key, steps in profile.steps_by_lane.items():
        # The root is the lane of plain callbacks. Everything descends from it in name only, so
        # it counts its own steps alone: hence from 1, and the empty key apart.
        for end in range(min(1, len(key)), len(key) + 1):
            totals[key[:end]] = totals.get(key[:end], 0) + steps
    return totals
