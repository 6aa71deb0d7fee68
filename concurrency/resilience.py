"""Parts for systems that must stay up: a breaker, an orderly end, a budget of time."""

from __future__ import annotations

from concurrency._resilience.breaker import BreakerState, CircuitBreaker, CircuitOpenError
from concurrency._resilience.deadline import Deadline
from concurrency._resilience.shutdown import GracefulShutdown

__all__ = [
    "BreakerState",
    "CircuitBreaker",
    "CircuitOpenError",
    "Deadline",
    "GracefulShutdown",
]
