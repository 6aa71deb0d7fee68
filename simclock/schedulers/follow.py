"""Follow: take the course of an earlier run again, and tell how it deviates from calm."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, final

from simclock.errors import ReplayDivergedError
from simclock.schedulers.detached import DETACHED
from simclock.schedulers.protocol import Profile, RunView
from simclock.schedules import Deviation, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from simclock.kernel import Lane

__all__ = ["FollowScheduler"]


@final
class FollowScheduler:
    """Takes at each step the lane that a recorded run took, whatever scheduler chose it then.

    Running a program once more under this scheduler turns any run into a schedule: afterwards
    :attr:`deviations` has one ``RUN`` for each step at which the followed lane was not the
    oldest. No scheduler has to know how to describe itself.
    """

    __slots__ = ("_lanes", "_passed_over", "_recorded", "_run", "_ties", "_ties_seen")

    def __init__(self, order: Iterable[int], applied: Iterable[Deviation] = ()) -> None:
        """Follow ``order``, a ``Trace.order``, and the ``TIE`` deviations among ``applied``."""
        # Negative entries are moves of the clock; the others are the lanes of steps 1, 2, 3, …
        self._lanes = [lane for lane in order if lane >= 0]
        self._ties = {d.at: d.count for d in applied if d.kind is Kind.TIE}
        self.begin(Random(0), Profile())

    @property
    def name(self) -> str:
        """``follow``."""
        return "follow"

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """The ``RUN`` deviations of the run so far."""
        return tuple(Deviation(step, Kind.RUN, lane) for step, lane in self._recorded.items())

    @property
    def holds(self) -> tuple[Deviation, ...]:
        """The same course said with ``HOLD`` deviations instead.

        A lane is held from the step at which it was first passed over to the last one before it
        ran: where it was not in question in between, holding it changes nothing. A lane that
        has to starve for long is thus one deviation rather than one for each step.
        """
        holds: list[Deviation] = []
        open_: dict[int, tuple[int, int]] = {}
        for step, ran in enumerate(self._lanes, 1):
            for lane in self._passed_over.get(step, ()):
                open_[lane] = (open_.get(lane, (step, step))[0], step)
            if ran in open_:
                holds.append(_hold(ran, *open_.pop(ran)))
        holds += [_hold(lane, *steps) for lane, steps in open_.items()]
        return tuple(sorted(holds, key=lambda hold: hold.sort_key))

    def begin(self, _random: Random, _profile: Profile, /) -> None:
        """Start again from the first step."""
        self._run: RunView = DETACHED
        # By step, because a step that turns out to be empty is decided twice.
        self._recorded: dict[int, int] = {}
        self._passed_over: dict[int, tuple[int, ...]] = {}
        self._ties_seen = 0

    def attach(self, run: RunView) -> None:
        """Take the number of each step from ``run``."""
        self._run = run

    def pick(self, runnable: Sequence[Lane], /) -> int:
        """Return the lane that the recorded run took at this step; past its end, the oldest."""
        step = self._run.step
        if step > len(self._lanes):
            return 0
        followed = self._lanes[step - 1]
        if runnable[0].id == followed:
            return 0
        for index, lane in enumerate(runnable):
            if lane.id == followed:
                self._recorded[step] = followed
                self._passed_over[step] = tuple(older.id for older in runnable[:index])
                return index
        raise ReplayDivergedError(
            step=step,
            recorded=f"lane {followed} runs",
            found="the runnable lanes are "
            + ", ".join(f"{lane.name!r} ({lane.id})" for lane in runnable),
        )

    def pick_timer(self, count: int, /) -> int:
        """Return the option that the recorded run took at this tie."""
        self._ties_seen += 1
        option = self._ties.get(self._ties_seen, 0)
        if option < count:
            return option
        raise ReplayDivergedError(
            step=self._run.step,
            recorded=f"timer {option} fires first at tie {self._ties_seen} (0 is the oldest)",
            found=f"only {count} timers are due then",
        )


def _hold(lane: int, first: int, last: int) -> Deviation:
    return Deviation(first, Kind.HOLD, lane, last - first + 1)
