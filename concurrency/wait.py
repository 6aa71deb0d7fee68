"""The patterns under their other name."""

from __future__ import annotations

from concurrency.patterns import (
    CompletionStream,
    Settled,
    SettledStatus,
    bounded_map,
    first_success,
    gather,
    gather_settled,
    map_async,
    race,
    retry,
)

__all__ = [
    "CompletionStream",
    "Settled",
    "SettledStatus",
    "bounded_map",
    "first_success",
    "gather",
    "gather_settled",
    "map_async",
    "race",
    "retry",
]
