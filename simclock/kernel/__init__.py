"""Instants, the timeline, lanes, named random streams, limits and trace events."""

from simclock.kernel.instants import NANOSECONDS, from_seconds, to_seconds
from simclock.kernel.lanes import CALLBACKS, MAIN, Lane, short_name
from simclock.kernel.limits import DEFAULT_LIMITS, FAIRNESS_CHOICES, FAIRNESS_PER_LANE, Limits
from simclock.kernel.streams import derive_seed, stream
from simclock.kernel.timeline import Timeline
from simclock.kernel.trace import Event, Trace

__all__ = [
    "CALLBACKS",
    "DEFAULT_LIMITS",
    "FAIRNESS_CHOICES",
    "FAIRNESS_PER_LANE",
    "MAIN",
    "NANOSECONDS",
    "Event",
    "Lane",
    "Limits",
    "Timeline",
    "Trace",
    "derive_seed",
    "from_seconds",
    "short_name",
    "stream",
    "to_seconds",
]
