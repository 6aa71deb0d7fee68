"""A schedule as data: a seed, and the sparse list of decisions that deviate from calm.

Calm is: the lane that has been runnable longest steps next, time passes only when nothing can
run, timers of one instant fire oldest first, nothing is cancelled. A run is a function of its
decisions, so the deviations from calm are all that has to be kept of it.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, final

from simclock.errors import UsageError

__all__ = ["BACKENDS", "VERSION", "Deviation", "Kind", "Schedule", "checksum"]

BACKENDS: Final = ("asyncio", "trio")
VERSION: Final = 1
"""The version of the text form."""


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


# The lane and the count are written only for the kinds that have one.
WITH_LANE: Final = frozenset({Kind.RUN, Kind.HOLD, Kind.CANCEL})
WITH_COUNT: Final = frozenset({Kind.HOLD, Kind.STALL})


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

    def __str__(self) -> str:
        """Return the text form, as in ``12r3``, ``12h5x20``, ``14s``, ``5t1``, ``19c1``, ``7g``."""
        text = f"{self.at}{self.kind.value}"
        if self.kind in WITH_LANE:
            text += str(self.lane)
        if self.kind is Kind.TIE:
            text += str(self.count)
        elif self.kind in WITH_COUNT and self.count > 1:
            text += f"x{self.count}"
        return text

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
        """Return the one-line text form, as in ``s1:asyncio:42:12r3+14s+19c1:9f3a2c01``."""
        body = "+".join(map(str, self.deviations)) or "-"
        text = f"s{VERSION}:{self.backend}:{self.seed}:{body}"
        return f"{text}:{checksum(text)}"

    def with_deviations(self, deviations: tuple[Deviation, ...]) -> Schedule:
        """Return this schedule with other deviations."""
        return replace(self, deviations=deviations)


def checksum(text: str) -> str:
    """Return the checksum with which ``text``, a schedule without it, has to end."""
    return f"{zlib.crc32(text.encode()):08x}"
