"""What programs keep in sets on trio, and on AnyIO over trio: hashed by a counter of the run."""

from __future__ import annotations

import anyio
import trio
from anyio.streams import memory

from simclock.simulation.hashing import hash_by_counter

__all__ = ["install"]


def install() -> None:
    """Let scopes, primitives and channels hash so; outside of simulated runs as ever."""
    from anyio._backends import _trio as backend  # noqa: PLC0415 - not every simulation needs AnyIO

    hash_by_counter(
        trio.CancelScope,
        trio.CapacityLimiter,
        trio.Condition,
        trio.Event,
        trio.Lock,
        trio.MemoryReceiveChannel,
        trio.MemorySendChannel,
        trio.Semaphore,
        backend.CancelScope,
        anyio.Condition,
        anyio.Event,
        anyio.Lock,
        anyio.Semaphore,
        memory.MemoryObjectReceiveStream,
        memory.MemoryObjectSendStream,
    )
