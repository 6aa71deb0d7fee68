"""Conformance kits: what a lock, a queue, a condition has to keep to, whoever wrote it."""

from properties.conformance.kit import ConformanceError, PromiseVerdict, Report
from properties.conformance.locks import limiter, lock, semaphore
from properties.conformance.meetings import barrier, condition, event
from properties.conformance.queues import priority_queue, queue

__all__ = [
    "ConformanceError",
    "PromiseVerdict",
    "Report",
    "barrier",
    "condition",
    "event",
    "limiter",
    "lock",
    "priority_queue",
    "queue",
    "semaphore",
]
