"""Everything tasks coordinate with."""

from __future__ import annotations

from concurrency._primitives.barrier import Barrier
from concurrency._primitives.condition import Condition
from concurrency._primitives.event import Event
from concurrency._primitives.limiter import CapacityLimiter
from concurrency._primitives.lock import Lock
from concurrency._primitives.queue import Queue
from concurrency._primitives.rlock import RLock
from concurrency._primitives.semaphore import Semaphore
from concurrency.errors import BrokenBarrierError, QueueClosed, QueueEmpty, QueueFull

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
