"""Conformance kits: what a lock, a queue, a condition has to keep to, whoever wrote it."""

from properties.conformance.breakers import circuit_breaker
from properties.conformance.groups import task_group
from properties.conformance.locks import limiter, lock, semaphore
from properties.conformance.meetings import barrier, condition, event
from properties.conformance.pacing import rate_limiter
from properties.conformance.patterns import gather, race
from properties.conformance.pools import pool
from properties.conformance.queues import priority_queue, queue
from properties.conformance.retries import retry
from properties.conformance.streams import stream
from properties.conformance.verdicts import ConformanceError, PromiseVerdict, Report

__all__ = [
    "ConformanceError",
    "PromiseVerdict",
    "Report",
    "barrier",
    "circuit_breaker",
    "condition",
    "event",
    "gather",
    "limiter",
    "lock",
    "pool",
    "priority_queue",
    "queue",
    "race",
    "rate_limiter",
    "retry",
    "semaphore",
    "stream",
    "task_group",
]
