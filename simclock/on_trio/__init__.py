"""The whole of trio under a simulation."""

from simclock.on_trio.clock import SimulatedClock

__all__ = ["SimulatedClock"]
