"""Linearizability: whether a sequential model explains what concurrent calls returned."""

from properties.linearizability.check import (
    NotLinearizableError,
    Verdict,
    assert_linearizable,
    check_linearizability,
)
from properties.linearizability.history import Call, Ending, History
from properties.linearizability.recorder import Recorder
from properties.linearizability.search import DeadEnd, Found, Point, SearchLimitError

__all__ = [
    "Call",
    "DeadEnd",
    "Ending",
    "Found",
    "History",
    "NotLinearizableError",
    "Point",
    "Recorder",
    "SearchLimitError",
    "Verdict",
    "assert_linearizable",
    "check_linearizability",
]
