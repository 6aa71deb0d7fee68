"""What programs keep in sets on asyncio, and on AnyIO over it: hashed by a counter of the run."""

from __future__ import annotations

import asyncio
from typing import Any

from simclock.simulation.hashing import hash_by_counter

__all__ = ["install", "install_for_anyio"]


def install() -> None:
    """Let asyncio's queues and primitives hash so; outside of simulated runs as ever."""
    hash_by_counter(
        asyncio.Barrier,
        asyncio.Condition,
        asyncio.Event,
        asyncio.Lock,
        asyncio.Queue,
        asyncio.Semaphore,
    )


def install_for_anyio() -> None:
    """Let AnyIO's primitives and memory streams hash so."""
    import anyio  # noqa: PLC0415 - not every simulation needs AnyIO
    from anyio.streams import memory  # noqa: PLC0415 - as above

    hash_by_counter(
        anyio.Condition,
        # What these make on asyncio are classes of the backend, which anyio's own ones hide.
        *(
            kind
            for name in ("Event", "Lock", "Semaphore")
            for kind in _family(getattr(anyio, name))
        ),
        memory.MemoryObjectReceiveStream,
        memory.MemoryObjectSendStream,
    )


def _family(kind: type[Any]) -> list[type[Any]]:
    children: list[type[Any]] = kind.__subclasses__()
    return [kind, *(each for child in children for each in _family(child))]
