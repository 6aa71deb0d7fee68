"""Uniform random choice at every decision, independent of all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from simclock.kernel import Lane
    from simclock.schedulers.protocol import Profile

__all__ = ["UniformScheduler"]


@final
class UniformScheduler:
    """Takes each option of a decision with equal probability.

    Fair with probability 1, and blind to depth: a task that has to starve for n decisions among
    two does so in one run of 2**n.
    """

    def __init__(self) -> None:
        """Be calm until :meth:`begin` provides draws."""
        # Attributes rather than methods: a closure spares the look-ups of a method each step.
        self.pick: Callable[[Sequence[Lane]], int] = lambda _runnable: 0
        self.pick_timer: Callable[[int], int] = lambda _count: 0
        # A backend that finds this draws for itself: ``int(uniform_draw() * options)``.
        self.uniform_draw: Callable[[], float] = lambda: 0.0

    @property
    def name(self) -> str:
        """``random``."""
        return "random"

    def begin(self, random: Random, _profile: Profile, /) -> None:
        """Draw from ``random`` from now on."""
        draw = self.uniform_draw = random.random

        # int(draw() * n) costs a quarter of randrange(n). Its bias is below n / 2**53.
        def pick(runnable: Sequence[Lane]) -> int:
            return int(draw() * len(runnable))

        def pick_timer(count: int) -> int:
            return int(draw() * count)

        self.pick = pick
        self.pick_timer = pick_timer
