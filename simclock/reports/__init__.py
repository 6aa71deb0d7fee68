"""Failures told: as data, in words, as a table, as text."""

from simclock.reports.story import FailureStory
from simclock.reports.text import notes, tell
from simclock.reports.words import describe_schedule

__all__ = ["FailureStory", "describe_schedule", "notes", "tell"]
