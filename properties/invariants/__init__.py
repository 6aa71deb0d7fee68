"""Invariants: small objects that watch a run and tell when a promise is broken."""

from properties.invariants.base import (
    BrokenInvariantError,
    Invariant,
    holding,
    made_by,
    watched,
)
from properties.invariants.sharing import (
    ConservedItems,
    ConservedPermits,
    FirstInFirstOut,
    MutualExclusion,
    NoStarvation,
)
from properties.invariants.tasks import (
    CancellationArrives,
    CleanUpOnce,
    ClockNeverRunsBack,
    FailuresArrive,
    NoTaskOutlivesItsGroup,
    ScopesEndInTime,
    ShieldsHold,
)

__all__ = [
    "BrokenInvariantError",
    "CancellationArrives",
    "CleanUpOnce",
    "ClockNeverRunsBack",
    "ConservedItems",
    "ConservedPermits",
    "FailuresArrive",
    "FirstInFirstOut",
    "Invariant",
    "MutualExclusion",
    "NoStarvation",
    "NoTaskOutlivesItsGroup",
    "ScopesEndInTime",
    "ShieldsHold",
    "holding",
    "made_by",
    "watched",
]
