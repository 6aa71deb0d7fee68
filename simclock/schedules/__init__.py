"""Schedules as data: what they are, their text form, and the store of those that failed."""

from simclock.schedules.schedule import BACKENDS, Deviation, Kind, Schedule
from simclock.schedules.store import DEFAULT_DIRECTORY, FailureStore, StoreWarning
from simclock.schedules.text import decode, encode

__all__ = [
    "BACKENDS",
    "DEFAULT_DIRECTORY",
    "Deviation",
    "FailureStore",
    "Kind",
    "Schedule",
    "StoreWarning",
    "decode",
    "encode",
]
