"""The simulation that runs here and now."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from simclock.errors import NestedSimulationError, NoSimulationError
from simclock.simulation.simulation import Simulation

__all__ = ["current", "current_or_none", "enter", "here", "in_context", "leave"]


class _Here(threading.local):
    simulation: Simulation | None = None


# By thread, because the loop of one thread runs in one simulation; by context too, because
# worker threads inherit the context of the task that waits for them.
_here = _Here()
_context: ContextVar[Simulation | None] = ContextVar("simclock_simulation", default=None)


def current_or_none() -> Simulation | None:
    """Return the running simulation, or ``None`` outside of one."""
    return _here.simulation or _context.get()


def here() -> Simulation | None:
    """Return the simulation whose loop runs in this very thread, or ``None``."""
    return _here.simulation


def current() -> Simulation:
    """Return the running simulation; raise :class:`NoSimulationError` outside of one."""
    found = current_or_none()
    if found is None:
        raise NoSimulationError("simclock.current()")
    return found


def enter(simulation: Simulation) -> None:
    """Make ``simulation`` the running one of this thread; refuse to nest."""
    if _here.simulation is not None:
        raise NestedSimulationError
    _here.simulation = simulation


def leave() -> None:
    """End the simulation of this thread."""
    _here.simulation = None


@contextmanager
def in_context(simulation: Simulation) -> Generator[None]:
    """Let what inherits the context within the block, worker threads included, find it."""
    token = _context.set(simulation)
    try:
        yield
    finally:
        _context.reset(token)


if hasattr(os, "register_at_fork"):
    # A child that is forked out of a simulation is outside of it.
    os.register_at_fork(after_in_child=leave)
