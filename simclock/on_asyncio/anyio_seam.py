"""The only file that touches a private of AnyIO: its scopes on asyncio hash by a counter.

AnyIO's asyncio backend keeps scopes in sets and delivers cancellation in the order of those
sets. The subclass below differs from the original in its hash alone, and stays installed: on a
loop that is not simulated it behaves as the original does.
"""

from __future__ import annotations

import threading
from typing import Any

from simclock.errors import SimulationError

__all__ = ["busy_workers", "install", "reset", "was_used"]


class _Count:
    """How many scopes the current run has opened."""

    scopes = 0
    installed = False


def install() -> None:
    """Make AnyIO's scopes hash the same in every process; refuse an AnyIO that has changed."""
    if _Count.installed:
        return
    from anyio._backends import _asyncio as backend  # noqa: PLC0415 - not every simulation needs AnyIO

    original: Any = getattr(backend, "CancelScope", None)
    if original is None or not hasattr(original, "_child_scopes") or "__hash__" in vars(original):
        raise SimulationError(
            "this AnyIO keeps its scopes in a way that simclock does not know; "
            "use a simclock that names this AnyIO version as supported"
        )

    class CancelScope(original):  # type: ignore[misc]
        __slots__ = ("_serial",)

        def __init__(self, *args: Any, **options: Any) -> None:
            _Count.scopes += 1
            self._serial = _Count.scopes
            super().__init__(*args, **options)

        def __hash__(self) -> int:
            return self._serial

    CancelScope.__module__, CancelScope.__qualname__ = original.__module__, original.__qualname__
    backend.CancelScope = CancelScope  # type: ignore[misc]
    _Count.installed = True


def reset() -> None:
    """Begin the count of a new run."""
    _Count.scopes = 0


def was_used() -> bool:
    """Tell whether the run has opened an AnyIO scope, hence is an AnyIO program."""
    return _Count.scopes > 0


def busy_workers(loop: object) -> int:
    """Return how many of AnyIO's worker threads have work of ``loop`` that is not done."""
    busy = 0
    for thread in threading.enumerate():
        queue = getattr(thread, "queue", None)
        if getattr(thread, "loop", None) is loop and queue is not None:
            busy += queue.unfinished_tasks > 0
    return busy
