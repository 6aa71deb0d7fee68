"""Simulated trio."""

from simclock.on_trio.clock import SimulatedClock
from simclock.on_trio.factory import new_clock, trio_backend

__all__ = ["SimulatedClock", "new_clock", "trio_backend"]
