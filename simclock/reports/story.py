"""Everything there is to tell about a failure, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from simclock.kernel import Event
from simclock.schedules import Schedule

__all__ = ["FailureStory"]


@final
@dataclass(frozen=True, slots=True)
class FailureStory:
    """A failure, the schedule that causes it, and what happened when it was replayed.

    ``number`` and ``label`` say as which schedule of the exploration it was found and who chose
    it; ``shrunk_in`` how many runs shrinking took; ``arrivals`` whether it also fails with the
    ready order of the stock loop (``"yes"``, ``"unseen"``, or ``""`` where that is moot).
    """

    exception: BaseException
    schedule: Schedule
    events: tuple[Event, ...]
    names: tuple[str, ...]
    passed_over: Mapping[int, int]
    steps: int
    number: int | None = None
    label: str = ""
    shrunk_in: int = 0
    reorder: str = "tasks"
    arrivals: str = ""
    replay_command: str = ""
