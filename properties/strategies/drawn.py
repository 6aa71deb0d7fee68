"""A schedule that was drawn: wishes, and the scheduler that grants those it can.

A recorded schedule names steps and lanes of one run. A drawn one is chosen before the run is
known, so it says "the third lane at the fifth choice", and takes the remainder where there are
fewer lanes. Each wish stands for itself: leaving one out moves no other, which is what lets
Hypothesis shrink data and schedule together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from simclock.errors import UsageError
from simclock.kernel import MAIN
from simclock.schedules import Deviation, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from simclock.kernel import Lane
    from simclock.schedulers.protocol import Profile, RunView

__all__ = ["CALM", "DrawnSchedule", "DrawnScheduler", "Wish"]

_ORDER: Final = frozenset({Kind.RUN, Kind.HOLD, Kind.TIE})


@final
@dataclass(frozen=True, slots=True)
class Wish:
    """One deviation from calm that a run is to have.

    ``RUN``: at the choice number ``at``, not the oldest lane runs, but the one ``choice`` places
    behind it. ``HOLD``: lane number ``choice`` is about to be chosen for the ``at``-th time, and
    is held for ``count`` steps instead. ``STALL``: before step ``at`` time passes, ``count``
    timers on. ``TIE``: the timer ``choice`` fires first at the tie number ``at``. ``CANCEL``:
    before step ``at`` lane number ``choice`` is cancelled; 1 is ``main``. ``COLLECT``: before
    step ``at`` garbage is collected. All places count from 1.
    """

    kind: Kind
    at: int
    choice: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse wishes that no run could grant."""
        if self.at < 1 or self.choice < 0 or self.count < 1:
            raise UsageError(f"a wish has at >= 1, choice >= 0 and count >= 1, not {self!r}")

    def __repr__(self) -> str:
        """Return the wish as code."""
        rest = f", {self.choice}, {self.count}" if self.count != 1 else f", {self.choice}"
        return f"Wish(Kind.{self.kind.name}, {self.at}{rest if rest != ', 0' else ''})"


@final
@dataclass(frozen=True, slots=True)
class DrawnSchedule:
    """What decides a run, besides its data: the backend, a seed, and wishes. By default, calm."""

    backend: str = "asyncio"
    seed: int = 0
    wishes: tuple[Wish, ...] = ()

    def __repr__(self) -> str:
        """Return the schedule as code, without what is calm."""
        parts = [] if self.backend == "asyncio" else [f"backend={self.backend!r}"]
        parts += [f"seed={self.seed}"] if self.seed else []
        parts += [f"wishes={self.wishes!r}"] if self.wishes else []
        return f"DrawnSchedule({', '.join(parts)})"

    def injected(self) -> tuple[Deviation, ...]:
        """Return stalls, cancellations and collections, as a plan takes them."""
        made: dict[Deviation, None] = {}
        for wish in self.wishes:
            if wish.kind is Kind.CANCEL:
                made[Deviation(wish.at, Kind.CANCEL, max(MAIN, wish.choice))] = None
            elif wish.kind is Kind.STALL:
                made[Deviation(wish.at, Kind.STALL, count=wish.count)] = None
            elif wish.kind is Kind.COLLECT:
                made[Deviation(wish.at, Kind.COLLECT)] = None
        return tuple(sorted(made, key=lambda deviation: deviation.sort_key))

    def scheduler(self) -> DrawnScheduler | None:
        """Return what grants the wishes for an order, or ``None`` if there is none."""
        if any(wish.kind in _ORDER for wish in self.wishes):
            return DrawnScheduler(self)
        return None


CALM: Final = DrawnSchedule()
"""The schedule without wishes: oldest first, on asyncio."""


@final
class DrawnScheduler:
    """Grants the wishes of a drawn schedule, and remembers as what deviations they came true."""

    __slots__ = (
        "_choices",
        "_chosen",
        "_held",
        "_holds",
        "_run",
        "_runs",
        "_ties",
        "_ties_seen",
        "deviations",
    )

    def __init__(self, drawn: DrawnSchedule) -> None:
        """Grant the wishes of ``drawn`` for an order of lanes and timers."""
        self._runs = {w.at: w for w in drawn.wishes if w.kind is Kind.RUN}
        self._ties = {w.at: w for w in drawn.wishes if w.kind is Kind.TIE}
        # By lane, and by how often it was chosen: other tasks may come and go without moving it.
        self._holds = {(w.choice, w.at): w.count for w in drawn.wishes if w.kind is Kind.HOLD}
        self._chosen: dict[int, int] = {}
        # By lane, the first step at which it may run again.
        self._held: dict[int, int] = {}
        self._run: RunView | None = None
        self._choices = self._ties_seen = 0
        self.deviations: list[Deviation] = []

    @property
    def name(self) -> str:
        """``drawn``."""
        return "drawn"

    def begin(self, _random: Random, _profile: Profile, /) -> None:
        """Do nothing: one object serves one run."""

    def attach(self, run: RunView) -> None:
        """Take the number of each step from ``run``."""
        self._run = run

    def pick(self, runnable: Sequence[Lane], /) -> int:
        """Return the lane that is wished for, or else the oldest that is not held back."""
        self._choices += 1
        wish = self._runs.get(self._choices)
        if wish is not None:
            index = 1 + (wish.choice - 1) % (len(runnable) - 1)
            self.deviations.append(Deviation(self._step(), Kind.RUN, runnable[index].id))
        elif self._holds or self._held:
            index = self._oldest(runnable)
        else:
            return 0
        lane = runnable[index].id
        self._chosen[lane] = self._chosen.get(lane, 0) + 1
        return index

    def pick_timer(self, count: int, /) -> int:
        """Return the timer that is wished for, or the oldest."""
        self._ties_seen += 1
        wish = self._ties.get(self._ties_seen)
        return 0 if wish is None else wish.choice % count

    def _step(self) -> int:
        assert self._run is not None
        return self._run.step

    def _oldest(self, runnable: Sequence[Lane]) -> int:
        step = self._step()
        for index, lane in enumerate(runnable):
            if self._held.get(lane.id, 0) > step:
                continue
            count = self._holds.pop((lane.id, self._chosen.get(lane.id, 0) + 1), None)
            if count is None:
                return index
            self._held[lane.id] = step + count
            self.deviations.append(Deviation(step, Kind.HOLD, lane.id, count))
        # Everybody is held back: then the oldest goes on.
        return 0
