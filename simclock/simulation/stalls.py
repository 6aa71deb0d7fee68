"""Stalls at random: the machine was slow, and time passed although a task could run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from heapq import merge
from random import Random

from simclock.schedules import Deviation, Kind

__all__ = ["random_stalls"]

# Past this many steps a run has stalled often enough to show whatever stalls show.
_STEPS_MAX = 1_000_000


def random_stalls(random: Random, rate: float, planned: Sequence[Deviation]) -> Iterator[Deviation]:
    """Yield ``planned`` and, before each step with probability ``rate``, a stall; in order.

    The gaps are drawn, not the steps, so a run pays for the stalls it has and no more.
    """

    def stalls() -> Iterator[Deviation]:
        step = 0
        while step < _STEPS_MAX:
            if rate >= 1:
                step += 1
            else:
                step += 1 + int(math.log(1.0 - random.random()) / math.log(1.0 - rate))
            yield Deviation(step, Kind.STALL)

    return merge(stalls(), planned, key=lambda deviation: deviation.at)
