"""Schedules as data: what they are, their text form, and the store of those that failed."""

from simclock.schedules.schedule import BACKENDS, Deviation, Kind, Schedule
from simclock.schedules.text import decode, encode

__all__ = ["BACKENDS", "Deviation", "Kind", "Schedule", "decode", "encode"]
