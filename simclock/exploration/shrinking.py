"""Shrinking a failing schedule: to the fewest deviations from calm, then to the shortest run.

Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", TSE
2002) over the deviations, with two moves of our own. A run in which one lane must starve for
long deviates at every step; *holding* that lane says the same once. And a few holds tried at
random around the steps where the failing run deviates often say it shorter still.

Every candidate is run leniently: what no longer fits is left out, and what really took place is
what is kept. So each accepted schedule is exact, however rough the candidate was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Final, final

from simclock.exploration.recording import replay
from simclock.exploration.runs import Runner
from simclock.exploration.signature import signature
from simclock.kernel import stream
from simclock.schedules import Deviation, Kind, Schedule

__all__ = ["shrink"]

RUNS_MAX: Final = 600
_RANDOM_HOLDS: Final = 200
_FEW: Final = 2

Deviations = tuple[Deviation, ...]


def shrink(runner: Runner, schedule: Schedule, failure: BaseException) -> tuple[Schedule, int]:
    """Return the smallest schedule found that fails as ``failure`` does, and the runs it took."""
    shrinker = _Shrinker(runner, schedule, failure)
    shrinker.shrink()
    return shrinker.best, shrinker.runs


@final
class _Shrinker:
    def __init__(self, runner: Runner, schedule: Schedule, failure: BaseException) -> None:
        self._runner = runner
        self._wanted = signature(failure)
        self._steps: int | None = None
        self._tried: set[Deviations] = set()
        self.best = schedule
        self.runs = 0

    def shrink(self) -> None:
        if self._try(()):
            return
        while True:
            before = self.best
            self._drop_kinds()
            self._delta_debug()
            self._hold_instead()
            self._shorten()
            if self.best == before or self.runs >= RUNS_MAX:
                break
        if len(self.best) > _FEW:
            self._random_holds()

    # One candidate.

    def _try(self, candidate: Iterable[Deviation]) -> bool:
        """Run ``candidate``; keep it, and tell so, if it fails the same way and is smaller."""
        deviations = self.best.with_deviations(tuple(candidate)).deviations
        if self.runs >= RUNS_MAX or deviations in self._tried:
            return False
        self._tried.add(deviations)
        self.runs += 1
        again = replay(self._runner, self.best.with_deviations(deviations), strict=False)
        outcome = again.outcome
        if outcome.failure is None or signature(outcome.failure) != self._wanted:
            return False
        found = self.best.with_deviations(again.deviations)
        steps = outcome.simulation.step
        if self._steps is not None and _size(found, steps) >= _size(self.best, self._steps):
            return False
        self.best, self._steps = found, steps
        return True

    # The moves.

    def _drop_kinds(self) -> None:
        """Leave out all deviations of one kind: most failures need one or two kinds."""
        for kind in (Kind.COLLECT, Kind.TIE, Kind.STALL, Kind.RUN, Kind.HOLD):
            if any(d.kind is kind for d in self.best.deviations):
                self._try(d for d in self.best.deviations if d.kind is not kind)

    def _delta_debug(self) -> None:
        """Leave out ever smaller chunks, the latest first: what comes late rarely matters."""
        size = len(self.best)
        while size >= 1 and self.runs < RUNS_MAX:
            progress = False
            end = len(self.best)
            while end > 0:
                current = self.best.deviations
                end = min(end, len(current))
                start = max(0, end - size)
                if self._try((*current[:start], *current[end:])):
                    progress = True
                end = start
            size = size if progress and size == 1 else size // 2

    def _hold_instead(self) -> None:
        """Say "hold this lane from here to there" in place of a stretch of choices."""
        for first, last in _stretches(self.best.deviations):
            lanes = range(len(self._runner.calm.simulation.lanes) if self._runner.calm else 0)
            rest = [d for d in self.best.deviations if not first.at <= d.at <= last.at or d.kind is not Kind.RUN]
            if len(self.best.deviations) - len(rest) < _FEW:
                continue
            for lane in lanes:
                hold = Deviation(first.at, Kind.HOLD, lane, last.at - first.at + 1)
                if self._try((*rest, hold)):
                    return

    def _shorten(self) -> None:
        """Stall less often, hold for less long."""
        for deviation in self.best.deviations:
            count = deviation.count
            if deviation.kind not in {Kind.STALL, Kind.HOLD}:
                continue
            while count > 1 and deviation in self.best.deviations:
                count //= 2
                rest = [d for d in self.best.deviations if d != deviation]
                shorter = replace(deviation, count=count)
                if self._try((*rest, shorter)):
                    deviation = shorter  # noqa: PLW2901 - the next halving starts from what was kept

    def _random_holds(self) -> None:
        """Try one or two holds at random around the places where the failing run deviates."""
        random = stream(self.best.seed, "shrink")
        needed = [d for d in self.best.deviations if d.kind not in {Kind.RUN, Kind.HOLD}]
        places = [d for d in self.best.deviations if d.kind in {Kind.RUN, Kind.HOLD}]
        if len(places) < _FEW:
            return
        for candidate in _random_candidates(random, places, self._lanes()):
            if self._try((*needed, *candidate)) and len(self.best) <= len(needed) + 1:
                return

    def _lanes(self) -> int:
        calm = self._runner.calm
        return len(calm.simulation.lanes) if calm else 2


def _size(schedule: Schedule, steps: int) -> tuple[int, int, int]:
    """Order schedules: fewest deviations, then the shortest run, then the shortest holds."""
    return (len(schedule), steps, sum(d.count for d in schedule.deviations))


def _stretches(deviations: Sequence[Deviation]) -> Iterator[tuple[Deviation, Deviation]]:
    """Yield first and last of stretches of choices, the longest first."""
    runs = [d for d in deviations if d.kind is Kind.RUN]
    for length in range(len(runs), 1, -1):
        for start in range(len(runs) - length + 1):
            yield runs[start], runs[start + length - 1]


def _random_candidates(
    random: Random, places: Sequence[Deviation], lanes: int
) -> Iterator[list[Deviation]]:
    longest = places[-1].at - places[0].at + 1
    for number in range(_RANDOM_HOLDS):
        yield [
            Deviation(
                max(1, random.choice(places).at + random.randint(-2, 1)),
                Kind.HOLD,
                random.randrange(lanes),
                random.randint(1, max(2, longest)),
            )
            for _ in range(1 + number % _FEW)
        ]
