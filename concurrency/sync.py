"""The primitives under their other name."""

from __future__ import annotations

from concurrency.primitives import (
    Barrier,
    BrokenBarrierError,
    CapacityLimiter,
    Condition,
    Event,
    Lock,
    Queue,
    QueueClosed,
    QueueEmpty,
    QueueFull,
    RLock,
    Semaphore,
)

__all__ = [
    "Barrier",
    "BrokenBarrierError",
    "CapacityLimiter",
    "Condition",
    "Event",
    "Lock",
    "Queue",
    "QueueClosed",
    "QueueEmpty",
    "QueueFull",
    "RLock",
    "Semaphore",
]
