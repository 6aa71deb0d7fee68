"""Delay bounding: all schedules with few deviations from calm, fewest first.

Emmi, Qadeer, Rakamarić, "Delay-Bounded Scheduling", POPL 2011. The paper searches depth first
under one bound; here the schedules with one delay are the calm one with a delay somewhere, those
with two are these with one more delay later on, and so on: each schedule is visited once, and
whatever needs few delays is found before anything that needs more.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, final

from simclock.errors import NondeterminismError, UsageError
from simclock.schedulers.detached import DETACHED
from simclock.schedulers.postponing import Postponing
from simclock.schedulers.protocol import Profile, RunView

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simclock.kernel import Lane

__all__ = ["DelayScheduler"]

Plan = tuple[tuple[int, int], ...]
"""How many delays to spend at which decisions: pairs of a decision's number and an amount."""


@final
@dataclass(frozen=True, slots=True)
class _Seen:
    """One schedule that was run: its delays, and where one more could be spent after them."""

    plan: Plan
    decisions: int
    last_options: int

    def successors(self) -> Iterator[Plan]:
        """Yield each plan with one delay more than this one, none of them reached otherwise."""
        start = 0
        if self.plan:
            last, amount = self.plan[-1]
            start = last + 1
            if amount + 1 < self.last_options:
                yield (*self.plan[:-1], (last, amount + 1))
        for offset in _spread(self.decisions - start):
            yield (*self.plan, (start + offset, 1))


@final
class DelayScheduler:
    """Walks through every schedule with at most ``bound`` delays, fewest delays first.

    A delay skips what calm would do next. At a choice among lanes the oldest goes behind all
    that are runnable at that moment, and several delays may be spent at one choice; at a tie of
    timers the next one fires first; where a timer is pending, time passes instead of a step.

    When :meth:`advance` returns ``False``, every schedule within the bound has been run, up to
    the kernel's fairness; that says nothing about schedules beyond the bound. The walk then
    starts over.
    """

    __slots__ = (
        "_bound",
        "_decisions",
        "_last_options",
        "_level",
        "_parents",
        "_plan",
        "_plans",
        "_postponing",
        "_run",
        "_spent",
    )

    def __init__(self, bound: int) -> None:
        """Spend at most ``bound`` delays on a schedule, 0 or more."""
        if bound < 0:
            raise UsageError(f"delays takes a bound >= 0, as in 'delays:2', not {bound}")
        self._bound = bound
        self._plan: Plan = ()
        self._plans: Iterator[Plan] = iter(())
        self._parents: list[_Seen] = []
        self._level = 0
        self.begin(Random(0), Profile())

    @property
    def name(self) -> str:
        """``delays:`` and the bound."""
        return f"delays:{self._bound}"

    def begin(self, _random: Random, _profile: Profile, /) -> None:
        """Run the schedule at which the walk stands."""
        self._run: RunView = DETACHED
        self._postponing = Postponing()
        self._decisions = 0
        self._spent = 0
        self._last_options = 0

    def attach(self, run: RunView) -> None:
        """Take the number of the step from ``run``, for the text of a divergence."""
        self._run = run

    def pick(self, runnable: Sequence[Lane], /) -> int:
        """Return the oldest lane, after the delays planned for this choice."""
        postponing = self._postponing
        for _ in range(self._decide(len(runnable))):
            postponing.delay(runnable)
        return postponing.front(runnable)

    def pick_timer(self, count: int, /) -> int:
        """Return the oldest timer, or as many further as delays are planned for this tie."""
        return self._decide(count)

    def wants_stall(self) -> bool:
        """Tell whether a delay is planned for the whole world here."""
        return bool(self._decide(2))

    def advance(self) -> bool:
        """Move to the next schedule; ``False`` when none within the bound is left."""
        if self._spent < len(self._plan):
            raise self._changed(f"only {self._decisions} decisions")
        if self._level < self._bound:
            self._parents.append(_Seen(self._plan, self._decisions, self._last_options))
        plan = next(self._plans, None)
        while plan is None and self._level < self._bound and self._parents:
            self._level += 1
            parents, self._parents = self._parents, []
            self._plans = (plan for seen in parents for plan in seen.successors())
            plan = next(self._plans, None)
        if plan is None:
            self._plan, self._level = (), 0
            return False
        self._plan = plan
        return True

    def _decide(self, options: int) -> int:
        """Return how many delays to spend at the next decision, fewer than ``options``."""
        number, self._decisions = self._decisions, self._decisions + 1
        if self._spent == len(self._plan) or self._plan[self._spent][0] != number:
            return 0
        amount = self._plan[self._spent][1]
        if amount >= options:
            raise self._changed(f"only {options} options at decision {number + 1}")
        self._spent += 1
        self._last_options = options
        return amount

    def _changed(self, second: str) -> NondeterminismError:
        number, amount = self._plan[self._spent]
        first = f"more than {amount} options at decision {number + 1}"
        return NondeterminismError(step=self._run.step, first=first, second=second)


def _spread(count: int) -> Iterator[int]:
    """Yield the numbers below ``count``, each once, coarsely at first.

    A walk that is cut short by its budget has then tried delays all over the run, rather than
    everywhere in its first steps and nowhere in the rest.
    """
    if count > 0:
        yield 0
    stride = 1 << max(0, count - 1).bit_length()
    while stride > 1:
        yield from range(stride // 2, count, stride)
        stride //= 2
