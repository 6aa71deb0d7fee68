"""Probabilistic concurrency testing: random priorities that change at a few random places.

Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized Scheduler with Probabilistic
Guarantees of Finding Bugs", ASPLOS 2010. Deviations from the paper:

* Priorities belong to lanes, and they change at choices rather than at any step, because a change
  matters at the next choice at the earliest. No run has more choices than steps, the paper's k.
* A lane that is chosen very often in a row goes to the bottom. The paper asks for it at each
  voluntary yield; but an ``await`` that does not block is a yield too, and demoting at each of
  them would leave no priorities in programs that checkpoint often.
* After many more choices than the calm run has steps, choices become uniformly random, so that
  no priority keeps a run from ending.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final, final

from simclock.errors import UsageError
from simclock.kernel import FAIRNESS_CHOICES, Lane
from simclock.schedulers.protocol import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PctScheduler"]

# Stands for the length of a run as long as no calm run has been measured.
_STEPS_UNKNOWN: Final = 100
# By then the kernel overrules the priorities anyway, in order of age. Demoting the lane that
# keeps the others waiting lets them run in the order of their priorities instead.
_IN_A_ROW_MAX: Final = FAIRNESS_CHOICES
# A run this much longer than calm is waiting for something that its priorities prevent.
_FAIR_AFTER_FACTOR: Final = 10
_FAIR_AFTER_MIN: Final = 1_000


@final
class PctScheduler:
    """Always runs the lane of highest priority, and lowers it at ``depth - 1`` random choices.

    A bug of depth d (one that needs d ordering constraints) among n lanes and k steps is found
    with probability 1 / (n * k**(d - 1)) at least, as long as no lane is chosen so often in a
    row that fairness steps in.
    """

    __slots__ = (
        "_bottom",
        "_changes",
        "_choices",
        "_depth",
        "_draw",
        "_fair_after",
        "_in_a_row",
        "_last",
    )

    def __init__(self, depth: int) -> None:
        """Look for bugs of ``depth`` ordering constraints, 1 or more."""
        if depth < 1:
            raise UsageError(f"pct takes a depth >= 1, as in 'pct:3', not {depth}")
        self._depth = depth
        self.begin(Random(0), Profile())

    @property
    def name(self) -> str:
        """``pct:`` and the depth."""
        return f"pct:{self._depth}"

    def begin(self, random: Random, profile: Profile, /) -> None:
        """Draw the places at which priorities change."""
        changes = self._depth - 1
        # Steps rather than the choices of the calm run: with other priorities, most steps may
        # become choices, and places past the horizon would never be drawn.
        horizon = max(profile.steps or _STEPS_UNKNOWN, changes, 1)
        # The i-th place drawn gives priority i, whatever its order in time, as in the paper: of
        # two lowered lanes, either may be the lower. New lanes draw from (0, 1], above them all.
        places = random.sample(range(1, horizon + 1), changes)
        self._changes = {place: float(i - changes) for i, place in enumerate(places)}
        self._bottom = -float(self._depth)
        self._fair_after = max(_FAIR_AFTER_MIN, _FAIR_AFTER_FACTOR * horizon)
        self._draw = random.random
        self._choices = 0
        self._last = -1
        self._in_a_row = 0

    def pick(self, runnable: Sequence[Lane], /) -> int:
        """Return the lane of highest priority."""
        self._choices = choices = self._choices + 1
        if choices > self._fair_after:
            return int(self._draw() * len(runnable))
        index = self._highest(runnable)
        lower = self._changes.get(choices)
        if lower is not None:
            runnable[index].rank = lower
            index = self._highest(runnable)
        lane = runnable[index]
        if lane.id != self._last:
            self._last, self._in_a_row = lane.id, 1
            return index
        self._in_a_row += 1
        if self._in_a_row < _IN_A_ROW_MAX:
            return index
        self._bottom -= 1.0
        lane.rank = self._bottom
        return self._highest(runnable)

    def pick_timer(self, count: int, /) -> int:
        """Return any timer with equal probability: timers have no priorities."""
        return int(self._draw() * count)

    def _highest(self, runnable: Sequence[Lane]) -> int:
        best, highest = 0, -float("inf")
        for index, lane in enumerate(runnable):
            rank = lane.rank
            if not rank:
                # 0 is the rank of a lane that no choice has met yet.
                lane.rank = rank = 1.0 - self._draw()
            if rank > highest:
                best, highest = index, rank
        return best
