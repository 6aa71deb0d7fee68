"""Checks of the line of waiters, through what is built on it."""

from __future__ import annotations

from areas.meetings import CHECKS as MEETINGS
from areas.permits import CHECKS as PERMITS
from areas.queues import CHECKS as QUEUES

CHECKS = (*PERMITS, *MEETINGS, *QUEUES)
