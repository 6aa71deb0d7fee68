"""What a scheduler is, and what it is told.

A scheduler decides which runnable lane steps next, and which of several timers due at one
instant fires first. It knows nothing of asyncio or trio, of stalls, or of cancellations: those
are planned beside it, so that each new scheduler combines with all of them.

Two methods are optional. ``attach(run)`` is called once in each run, after ``begin``, with a
:class:`RunView`; ``spawned(lane)`` is called with each lane when it is opened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, final, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from simclock.kernel import Lane, Trace

__all__ = ["LaneKey", "Profile", "RunView", "Scheduler", "SystematicScheduler"]

LaneKey = tuple[int, ...]


@final
@dataclass(frozen=True, slots=True)
class Profile:
    """What the calm run of the same program took, for schedulers that plan ahead.

    ``steps``: how many steps. ``choices``: at how many of them more than one lane could run.
    ``steps_by_lane``: the steps of each lane, by its place in the tree of spawns.
    """

    steps: int = 0
    choices: int = 0
    steps_by_lane: Mapping[LaneKey, int] = field(default_factory=dict[LaneKey, int])


class RunView(Protocol):
    """What a scheduler may read of the run that it serves."""

    @property
    def step(self) -> int:
        """The step now being decided, counting from 1."""
        ...

    @property
    def trace(self) -> Trace:
        """The course of the run so far; the step being decided is not in it yet."""
        ...


@runtime_checkable
class Scheduler(Protocol):
    """Anything with these members can be passed as ``scheduler=``.

    One object serves a whole exploration: ``begin`` opens each run. Two runs that begin with
    equal arguments must make equal decisions, or replay and the determinism check fail.
    """

    @property
    def name(self) -> str:
        """The name, with parameters after a colon: ``pct:3``."""
        ...

    def begin(self, random: Random, profile: Profile, /) -> None:
        """Prepare one run, whose every draw comes from ``random``."""
        ...

    def pick(self, runnable: Sequence[Lane], /) -> int:
        """Return the index of the lane to step; ``runnable`` has two or more, oldest first.

        The kernel may overrule an answer that would starve the oldest.
        """
        ...

    def pick_timer(self, count: int, /) -> int:
        """Return which of ``count`` timers due at one instant fires first; 0 is the oldest."""
        ...


@runtime_checkable
class SystematicScheduler(Scheduler, Protocol):
    """A scheduler that walks a finite space of schedules and knows when it has seen it all."""

    def advance(self) -> bool:
        """Move to the next schedule after a run; ``False`` when none is left."""
        ...

    def wants_stall(self) -> bool:
        """Tell whether time passes now although a lane can run.

        Asked before each step at which a timer is pending, and again after each ``True``.
        """
        ...
