"""The portfolio: no single scheduler finds every bug, so they take turns.

Uniform choice (``random``) is weak where one task has to starve for long. Priorities (``pct``) are
strong there, and weak where several tasks reach checkpoints all the time. Weights (``urw``) find
what needs a long task to be overtaken late, at good odds where several races have to be won at
once. Priorities for each step (``pos``) lie between. A few lanes held back (``holds``) are
seldom the best and hardly ever useless. The most even of them have two turns. What depends on
timeouts needs stalls: one, in an otherwise calm run, finds most such bugs, others need both at
once. Hence every scheduler goes through several stall rates, and calm order has a turn of its
own, always with stalls. Delays from calm (``delays``) have none: bugs that need tasks to keep an
unusual order need many of them, and whatever few of them find, the others find as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from simclock.errors import UsageError
from simclock.kernel import derive_seed
from simclock.schedulers.fifo import FifoScheduler
from simclock.schedulers.holds import HoldScheduler
from simclock.schedulers.pct import PctScheduler
from simclock.schedulers.pos import PosScheduler
from simclock.schedulers.uniform import UniformScheduler
from simclock.schedulers.urw import UrwScheduler

if TYPE_CHECKING:
    from collections.abc import Callable

    from simclock.schedulers.protocol import Scheduler

__all__ = ["Member", "Portfolio"]


@final
@dataclass(frozen=True, slots=True)
class Member:
    """How one schedule of the portfolio is made.

    ``stall_rate`` is the probability, before each step at which a lane can run and a timer is
    pending, that time passes instead. ``collects`` tells that the garbage collector is to run
    once, somewhere in the run.
    """

    scheduler: Scheduler
    stall_rate: float
    collects: bool


# Each scheduler with the stall rates that it has with equal probability. The number of turns is
# prime, so that whoever takes every so-and-so-many-th schedule for another purpose, such as a
# sweep, takes it from all of them.
_TURNS: Final[tuple[tuple[Callable[[], Scheduler], tuple[float, ...]], ...]] = (
    (UniformScheduler, (0.0, 0.1, 0.02)),
    (lambda: PctScheduler(3), (0.0, 0.02, 0.1)),
    (PosScheduler, (0.0, 0.02, 0.0, 0.3)),
    (FifoScheduler, (0.02, 0.1, 0.3)),
    (UrwScheduler, (0.0, 0.02, 0.1)),
    (lambda: HoldScheduler(2), (0.0, 0.1, 0.02)),
    (lambda: PctScheduler(2), (0.0, 0.1, 0.02)),
    (PosScheduler, (0.1, 0.0, 0.02)),
    (lambda: PctScheduler(5), (0.02, 0.0, 0.3)),
    (UrwScheduler, (0.02, 0.0, 0.1)),
    (lambda: HoldScheduler(4), (0.02, 0.0, 0.3)),
)
_COLLECT_EVERY: Final = 7


@final
class Portfolio:
    """Names the member that makes each schedule of an exploration.

    Schedule 0 is calm. The rest depend on nothing but their number: members keep nothing from
    one run to the next, so several processes can share the numbers among them.
    """

    __slots__ = ()

    @property
    def name(self) -> str:
        """``portfolio``."""
        return "portfolio"

    def member(self, number: int) -> Member:
        """Return the member that makes schedule ``number``, counting from 0."""
        if number < 0:
            raise UsageError(f"schedules of a portfolio are numbered from 0, not {number}")
        if number == 0:
            return Member(FifoScheduler(), 0.0, collects=False)
        make, rates = _TURNS[(number - 1) % len(_TURNS)]
        # Derived from the number rather than counted through: a count in step with somebody
        # else's would leave a scheduler without one of its rates for ever.
        drawn = derive_seed(number, "portfolio")
        rate = rates[drawn % len(rates)]
        return Member(make(), rate, collects=drawn // len(rates) % _COLLECT_EVERY == 0)
