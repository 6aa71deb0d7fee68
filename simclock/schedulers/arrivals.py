"""``reorder="arrivals"``: the stock loop's ready order; only what comes from outside varies."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from simclock.kernel import Lane
    from simclock.schedulers.protocol import Profile, Scheduler

__all__ = ["Arrivals"]


@final
class Arrivals:
    """A scheduler that leaves lanes in their order and lets another one order timers.

    Every failure found under it can happen on the stock loop as it is.
    """

    __slots__ = ("_inner", "attach", "wants_stall")

    def __init__(self, inner: Scheduler) -> None:
        """Ask ``inner`` about timers due at one instant."""
        self._inner = inner
        # What a scheduler may have besides the four. Without ``wants_stall``, a walk would leave
        # the races of timers against steps out and still say that it had seen everything.
        for name in ("attach", "wants_stall"):
            if hasattr(inner, name):
                setattr(self, name, getattr(inner, name))

    @property
    def name(self) -> str:
        """The name of the scheduler that orders the timers."""
        return self._inner.name

    def begin(self, random: Random, profile: Profile, /) -> None:
        """Prepare one run."""
        self._inner.begin(random, profile)

    def pick(self, _runnable: Sequence[Lane], /) -> int:
        """Return the oldest."""
        return 0

    def pick_timer(self, count: int, /) -> int:
        """Return which of ``count`` timers fires first."""
        return self._inner.pick_timer(count)
