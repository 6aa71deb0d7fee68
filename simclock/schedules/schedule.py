"""A schedule as data: a seed, and the sparse list of decisions that deviate from calm.

Calm is: the lane that has been runnable longest steps next, time passes only when nothing can
run, timers of one instant fire oldest first, nothing is cancelled. A run is a function of its
decisions, so the deviations from calm are all that has to be kept of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, final

from simclock.errors import UsageError

__all__ = ["BACKENDS", "Deviation", "Kind", "Schedule"]

BACKENDS: Final = ("asyncio", "trio")


@final
class Kind(Enum):
    """What a deviation does; the value is its letter in the text form."""

    RUN = "r"
    """At step ``at``, lane ``lane`` runs although another has waited longer."""
    HOLD = "h"
    """From step ``at``, lane ``lane`` does not run for ``count`` steps while another can."""
    STALL = "s"
    """Before step ``at``, time passes to the next timer, ``count`` times, though a lane can run."""
    TIE = "t"
    """At the ``at``-th choice among timers of one instant, option ``count`` fires first."""
    CANCEL = "c"
    """Before step ``at``, lane ``lane`` is cancelled, as a timeout around it would."""
    COLLECT = "g"
    """Before step ``at``, the garbage collector runs."""


@final
@dataclass(frozen=True, slots=True, order=False)
class Deviation:
    """One decision that deviates from calm.

    Steps and ties count from 1, lanes as numbered by the run (0: plain callbacks, 1: ``main``).
    """

    at: int
    kind: Kind
    lane: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse deviations that no run could contain."""
        if self.at < 1 or self.lane < 0 or self.count < 1:
            raise UsageError(f"a deviation has at >= 1, lane >= 0 and count >= 1, not {self!r}")

    @property
    def sort_key(self) -> tuple[int, str, int, int]:
        """Order by place, then by kind: the one order in which a schedule lists deviations."""
        return (self.at, self.kind.value, self.lane, self.count)


@final
@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that decided one run: replaying it gives the same trace, event for event."""

    backend: str
    seed: int
    deviations: tuple[Deviation, ...] = ()

    def __post_init__(self) -> None:
        """Bring the deviations into their one order."""
        if self.backend not in BACKENDS:
            raise UsageError(f"backend is 'asyncio' or 'trio', not {self.backend!r}")
        if self.seed < 0:
            raise UsageError(f"a seed is a whole number >= 0, not {self.seed!r}")
        ordered = tuple(sorted(set(self.deviations), key=lambda d: d.sort_key))
        object.__setattr__(self, "deviations", ordered)

    def __len__(self) -> int:
        """Count the deviations from calm."""
        return len(self.deviations)

    def __str__(self) -> str:
        """Return the one-line text form."""
        from simclock.schedules.text import encode  # noqa: PLC0415 - the text form builds on the data, not the data on it

        return encode(self)

    def with_deviations(self, deviations: tuple[Deviation, ...]) -> Schedule:
        """Return this schedule with other deviations."""
        return replace(self, deviations=deviations)
