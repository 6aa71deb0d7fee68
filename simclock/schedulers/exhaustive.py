"""Exhaustive search: every decision of every schedule, depth first."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final, final

from simclock.errors import NondeterminismError
from simclock.schedulers.detached import DETACHED
from simclock.schedulers.protocol import Profile, RunView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simclock.kernel import Lane

__all__ = ["ExhaustiveScheduler"]

# What a decision is about, where no lane can say it.
_TIE: Final = -1
_STALL: Final = -2


@final
class ExhaustiveScheduler:
    """Walks through all schedules: which lane steps, which timer fires, whether time passes.

    When :meth:`advance` returns ``False``, every schedule has been run that the kernel's
    fairness allows. Nothing is pruned: schedules that differ only in the order of independent
    steps are run one by one, and n lanes of k steps have (nk)! / k!**n of them. The walk then
    starts over.

    A run that does not take the course of its predecessor up to the decision that was changed
    raises :class:`~simclock.errors.NondeterminismError`, because then nothing is exhausted.
    """

    __slots__ = ("_depth", "_options", "_path", "_run", "_subjects")

    def __init__(self) -> None:
        """Start with the calm schedule."""
        # For each decision on the path: the option taken, how many there are, and what is
        # decided. Three flat lists, because the path is as long as the run.
        self._path: list[int] = []
        self._options: list[int] = []
        self._subjects: list[int] = []
        self.begin(Random(0), Profile())

    @property
    def name(self) -> str:
        """``exhaustive``."""
        return "exhaustive"

    def begin(self, _random: Random, _profile: Profile, /) -> None:
        """Run the schedule at which the walk stands."""
        self._run: RunView = DETACHED
        self._depth = 0

    def attach(self, run: RunView) -> None:
        """Take the number of the step from ``run``, for the text of a divergence."""
        self._run = run

    def pick(self, runnable: Sequence[Lane], /) -> int:
        """Return the lane whose turn it is in the walk."""
        # The oldest lane stands for the decision: if it is another one, so is the course.
        return self._decide(len(runnable), runnable[0].id)

    def pick_timer(self, count: int, /) -> int:
        """Return the timer whose turn it is in the walk."""
        return self._decide(count, _TIE)

    def wants_stall(self) -> bool:
        """Tell whether it is the turn of time to pass."""
        return bool(self._decide(2, _STALL))

    def advance(self) -> bool:
        """Move to the next schedule; ``False`` when every one has been run."""
        if self._depth < len(self._path):
            raise self._changed("its end")
        path, options = self._path, self._options
        while path and path[-1] + 1 == options[-1]:
            path.pop()
            options.pop()
            self._subjects.pop()
        if not path:
            return False
        path[-1] += 1
        return True

    def _decide(self, options: int, subject: int) -> int:
        depth, self._depth = self._depth, self._depth + 1
        if depth == len(self._path):
            self._path.append(0)
            self._options.append(options)
            self._subjects.append(subject)
        elif self._options[depth] != options or self._subjects[depth] != subject:
            self._depth = depth
            raise self._changed(_describe(options, subject))
        return self._path[depth]

    def _changed(self, second: str) -> NondeterminismError:
        first = _describe(self._options[self._depth], self._subjects[self._depth])
        return NondeterminismError(step=self._run.step, first=first, second=second)


def _describe(options: int, subject: int) -> str:
    if subject == _TIE:
        return f"{options} timers due at one instant"
    if subject == _STALL:
        return "a pending timer while a lane can run"
    return f"{options} runnable lanes, the oldest of them lane {subject}"
