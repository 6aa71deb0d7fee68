"""Replay: what a schedule says where it says something, calm everywhere else."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, final

from simclock.errors import ReplayDivergedError
from simclock.schedulers.detached import DETACHED
from simclock.schedulers.protocol import Profile, RunView
from simclock.schedules import Deviation, Kind, Schedule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from simclock.kernel import Lane

__all__ = ["ReplayScheduler"]


@final
class ReplayScheduler:
    """Follows the ``RUN``, ``HOLD`` and ``TIE`` deviations of a schedule.

    Stalls, cancellations and collections are planned beside a scheduler and are not its concern.

    ``strict`` raises :class:`~simclock.errors.ReplayDivergedError` at the first recorded choice
    that is not there to be made: the run is another one. Without it such deviations are passed
    over and listed in :attr:`unused`, which is what a shrinker needs that leaves some out.
    A ``HOLD`` always fits: holding back a lane that cannot run changes nothing.
    """

    __slots__ = (
        "_effective",
        "_holds",
        "_names",
        "_next",
        "_next_run",
        "_run",
        "_runs",
        "_strict",
        "_ties",
        "_ties_seen",
        "_used",
        "passed_over",
        "schedule",
    )

    def __init__(self, schedule: Schedule, *, strict: bool = True) -> None:
        """Follow ``schedule``."""
        self.schedule = schedule
        self._strict = strict
        self._runs = [d for d in schedule.deviations if d.kind is Kind.RUN]
        self._holds = [d for d in schedule.deviations if d.kind is Kind.HOLD]
        self._ties = {d.at: d for d in schedule.deviations if d.kind is Kind.TIE}
        self.begin(Random(0), Profile())

    @property
    def name(self) -> str:
        """``replay``."""
        return "replay"

    @property
    def unused(self) -> tuple[Deviation, ...]:
        """The ``RUN`` and ``TIE`` deviations that the run has not followed, in their order.

        A strict replay that came to its end has followed the whole schedule if this is empty.
        """
        mine = sorted([*self._runs, *self._ties.values()], key=lambda d: d.sort_key)
        return tuple(d for d in mine if d not in self._used)

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """The deviations that have changed a decision: what is left when all others are dropped.

        For each step at which a lane ran out of turn, :attr:`passed_over` has the lane that
        had waited longest.
        """
        return tuple(self._effective)

    def begin(self, _random: Random, _profile: Profile, /) -> None:
        """Start again from the first deviation."""
        self._run: RunView = DETACHED
        self._names: dict[int, str] = {}
        self._used: set[Deviation] = set()
        self._effective: dict[Deviation, None] = {}
        self.passed_over: dict[int, int] = {}
        self._ties_seen = 0
        self._next_run = 0
        # The next step at which anything deviates: before it, one comparison decides.
        self._next = min((d.at for d in (*self._runs, *self._holds)), default=None)

    def attach(self, run: RunView) -> None:
        """Take the number of each step from ``run``."""
        self._run = run

    def spawned(self, lane: Lane) -> None:
        """Learn the name of ``lane``, for the text of a divergence."""
        self._names[lane.id] = lane.name

    def pick(self, runnable: Sequence[Lane], /) -> int:
        """Return the recorded lane of this step, or else the oldest that is not held back."""
        if self._next is None or self._run.step < self._next:
            return 0
        return self._pick_deviating(self._run.step, runnable)

    def pick_timer(self, count: int, /) -> int:
        """Return the recorded option of this tie, or the oldest timer."""
        self._ties_seen += 1
        tie = self._ties.get(self._ties_seen)
        if tie is None:
            return 0
        if tie.count < count:
            self._used.add(tie)
            self._effective[tie] = None
            return tie.count
        if self._strict:
            raise ReplayDivergedError(
                step=self._run.step,
                recorded=f"timer {tie.count} fires first at tie {tie.at} (0 is the oldest)",
                found=f"only {count} timers are due then",
            )
        return 0

    def _pick_deviating(self, step: int, runnable: Sequence[Lane]) -> int:
        recorded = self._recorded_run(step)
        holds = [d for d in self._holds if d.at <= step < d.at + d.count]
        held = [d.lane for d in holds]
        # While a hold lasts, every step has to look again.
        later = [d.at for d in self._holds if d.at > step] + [step + 1] * bool(held)
        if self._next_run < len(self._runs):
            later.append(max(step, self._runs[self._next_run].at))
        self._next = min(later, default=None)
        if recorded is not None:
            for index, lane in enumerate(runnable):
                if lane.id == recorded.lane:
                    self._used.add(recorded)
                    if index:
                        self._effective[recorded] = None
                        self.passed_over[step] = runnable[0].id
                    return index
            self._diverge(recorded, [f"{lane.name!r} ({lane.id})" for lane in runnable])
        free = (index for index, lane in enumerate(runnable) if lane.id not in held)
        picked = next(free, 0)
        skipped = [lane.id for lane in runnable[:picked]]
        self._effective.update((hold, None) for hold in holds if hold.lane in skipped)
        return picked

    def _recorded_run(self, step: int) -> Deviation | None:
        runs = self._runs
        # The place moves on only with the step: one that turns out to be empty is decided twice.
        while self._next_run < len(runs) and runs[self._next_run].at < step:
            missed = runs[self._next_run]
            self._next_run += 1
            if missed not in self._used:
                self._diverge(missed, ())
        if self._next_run < len(runs) and runs[self._next_run].at == step:
            return runs[self._next_run]
        return None

    def _diverge(self, recorded: Deviation, runnable: Iterable[str]) -> None:
        if not self._strict:
            return
        came = ", ".join(runnable)
        name = self._names.get(recorded.lane)
        lane = f"lane {recorded.lane}" if name is None else f"{name!r} (lane {recorded.lane})"
        raise ReplayDivergedError(
            step=recorded.at,
            recorded=f"{lane} runs",
            found=f"the runnable lanes are {came}" if came else "there was no choice at that step",
        )
