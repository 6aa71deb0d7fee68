"""Shrinking a failing schedule: to the fewest deviations from calm, then to the shortest run.

Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", TSE
2002, section 4) over the deviations, starting from two exact ways of saying the same run: which
lanes ran out of turn, and which were held back. A run in which one lane starves says the second
in one deviation, a run with a single overtaking the first.

Every candidate is run leniently: what no longer fits is left out, and what really took place is
what is kept. So each accepted schedule is exact, however rough the candidate was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from typing import Final, final

from simclock.exploration.recording import Recorded, replay
from simclock.exploration.runs import Runner
from simclock.exploration.signature import signature
from simclock.schedules import Deviation, Kind, Schedule

__all__ = ["RUNS_MAX", "shrink"]

RUNS_MAX: Final = 800
"""How many runs shrinking may take."""
# With so few deviations left the other way of saying it is not worth the runs.
_FEW: Final = 2

Deviations = tuple[Deviation, ...]
Size = tuple[int, int, int]


def shrink(runner: Runner, recorded: Recorded, failure: BaseException) -> tuple[Schedule, int]:
    """Return the smallest schedule found that fails as ``failure`` does, and the runs it took."""
    starts = sorted((recorded.by_holds, recorded.by_runs), key=len)
    first = _Shrinker(runner, starts[0], failure, RUNS_MAX * 2 // 3)
    first.shrink()
    if len(first.best) <= _FEW:
        return first.best, first.runs
    second = _Shrinker(runner, starts[1], failure, RUNS_MAX - first.runs)
    second.shrink()
    best = min((first, second), key=lambda shrinker: shrinker.size).best
    return best, first.runs + second.runs


@final
class _Shrinker:
    def __init__(
        self, runner: Runner, schedule: Schedule, failure: BaseException, runs_max: int
    ) -> None:
        self._runner = runner
        self._wanted = signature(failure)
        self._runs_max = runs_max
        self._tried: set[Deviations] = set()
        self.best = schedule
        self.size: Size = (len(schedule) + 1, 0, 0)
        self.runs = 0

    def shrink(self) -> None:
        if self._try(()):
            return
        self._try(self.best.deviations)
        before: Schedule | None = None
        while self.best != before and self.runs < self._runs_max:
            before = self.best
            self._drop_kinds()
            self._delta_debug()
            self._merge_holds()
            self._shorten()
            self._start_later()

    def _try(self, candidate: Iterable[Deviation]) -> bool:
        """Run ``candidate``; keep it, and tell so, if it fails the same way and is smaller."""
        tentative = self.best.with_deviations(tuple(candidate))
        if self.runs >= self._runs_max or tentative.deviations in self._tried:
            return False
        self._tried.add(tentative.deviations)
        self.runs += 1
        again = replay(self._runner, tentative, strict=False)
        failure = again.outcome.failure
        if failure is None or signature(failure) != self._wanted:
            return False
        found = self.best.with_deviations(again.deviations)
        # Fewest deviations, then the shortest run, then the shortest holds and stalls.
        length = sum(deviation.count for deviation in found.deviations)
        size = (len(found), again.outcome.simulation.taken, length)
        if size >= self.size:
            return False
        self.best, self.size = found, size
        return True

    def _drop_kinds(self) -> None:
        """Leave out all deviations of one kind: most failures need one or two kinds."""
        for kind in (Kind.COLLECT, Kind.TIE, Kind.STALL, Kind.RUN, Kind.HOLD):
            if any(d.kind is kind for d in self.best.deviations):
                self._try(d for d in self.best.deviations if d.kind is not kind)

    def _delta_debug(self) -> None:
        """Leave out ever smaller chunks, the latest first: what comes late rarely matters."""
        size = len(self.best)
        while size >= 1 and self.runs < self._runs_max:
            progress = False
            end = len(self.best)
            while end > 0:
                current = self.best.deviations
                end = min(end, len(current))
                start = max(0, end - size)
                progress = self._try((*current[:start], *current[end:])) or progress
                end = start
            if size > 1 or not progress:
                size //= 2

    def _merge_holds(self) -> None:
        """Hold a lane once for longer instead of twice."""
        for first, second in combinations(self.best.deviations, 2):
            current = self.best.deviations
            if first.kind is second.kind is Kind.HOLD and first.lane == second.lane:
                rest = [d for d in current if d not in (first, second)]
                if len(rest) == len(current) - 2:
                    end = second.at + second.count
                    self._try((*rest, replace(first, count=end - first.at)))

    def _shorten(self) -> None:
        """Stall less often, hold for less long: find the least count by halving."""
        for deviation in self.best.deviations:
            least: int = 1
            kept: Deviation = deviation
            while least < kept.count and kept in self.best.deviations:
                middle = (least + kept.count) // 2
                shorter: Deviation = replace(kept, count=middle)
                if self._replace(kept, shorter):
                    kept = shorter
                else:
                    least = middle + 1

    def _start_later(self) -> None:
        """Begin a hold only when it begins to matter."""
        for deviation in self.best.deviations:
            kept, later = deviation, deviation.count // 2
            while deviation.kind is Kind.HOLD and later and kept in self.best.deviations:
                shorter = replace(kept, at=kept.at + later, count=max(1, kept.count - later))
                if self._replace(kept, shorter):
                    kept = shorter
                later //= 2

    def _replace(self, old: Deviation, new: Deviation) -> bool:
        return self._try(new if d == old else d for d in self.best.deviations)
