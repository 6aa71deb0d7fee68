"""Ways to run several things at once."""

from __future__ import annotations

from concurrency._patterns.bounded_map import bounded_map, map_async
from concurrency._patterns.completion_stream import CompletionStream
from concurrency._patterns.gather import gather
from concurrency._patterns.race import first_success, race
from concurrency._patterns.retry import retry
from concurrency._patterns.settled import Settled, SettledStatus, gather_settled

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
