"""What is known of a program between two steps: immutable, so that it can be met again."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from properties.reference.flow import MAIN, Extent, Flow, Place

__all__ = ["CANCELLED", "TIMEOUT", "Move", "Raised", "State", "Task", "Wait", "is_cut_short"]
__all__ += ["first_state", "grouped", "without_cancellation"]

Raised = str | tuple["Raised", ...]
"""What was raised: the name of an error, or a group as the sorted tuple of what is in it."""

CANCELLED: Final = "Cancelled"
TIMEOUT: Final = "TimeoutError"


class Wait(StrEnum):
    """Why a task does not run at this moment."""

    NOT_STARTED = "not started"
    READY = "ready"
    """It goes on, and no cancellation can change that any more."""
    YIELDED = "yielded"
    """At a checkpoint: it goes on, unless it is cancelled first."""
    ASLEEP = "asleep"
    IN_LINE = "in line"
    WAITING = "waiting"
    """For the tasks of a group."""
    CANCELLED = "cancelled"
    """The cancellation will be raised where the task stands."""
    ENDED = "ended"
    """Its group does not know of it yet."""
    GONE = "gone"


class Task(NamedTuple):
    """Where a task stands."""

    place: Place
    wait: Wait
    until: int = 0
    """The instant at which it wakes up, or would have if it had not been cancelled."""
    raised: Raised | None = None
    """What it ended with, until its group takes it."""


class State(NamedTuple):
    """All there is to know of a program between two steps."""

    now: int
    """Nanoseconds since the beginning."""
    tasks: tuple[Task, ...]
    cancelled: frozenset[Extent]
    """The open scopes that were cancelled."""
    deadlines: frozenset[tuple[int, Extent]]
    """The open scopes that will be, and when."""
    raised: tuple[tuple[Raised, ...], ...]
    """By group, what its tasks and its body raised so far."""
    lines: tuple[tuple[int, ...], ...]
    """By lock, the task that holds it and those in line behind."""

    @property
    def is_over(self) -> bool:
        """Whether ``main`` has ended."""
        return self.tasks[MAIN].wait is Wait.GONE


class Move(NamedTuple):
    """What may happen next: the state it leads to, and what the program notes on the way."""

    state: State
    notes: tuple[str, ...] = ()


def first_state(flow: Flow) -> State:
    """Return the state before anything has happened."""
    tasks = [Task(text.begin, Wait.NOT_STARTED) for text in flow.tasks]
    tasks[MAIN] = tasks[MAIN]._replace(wait=Wait.READY)
    groups, locks = len(flow.extent_of), flow.locks
    return State(0, tuple(tasks), frozenset(), frozenset(), ((),) * groups, ((),) * locks)


def grouped(raised: list[Raised]) -> Raised:
    """Return a group of what is ``raised``, in an order of its own."""
    return tuple(sorted(raised, key=str))


def is_cut_short(raised: Raised) -> bool:
    """Tell whether there is a cancellation in what was raised."""
    if isinstance(raised, str):
        return raised == CANCELLED
    return any(map(is_cut_short, raised))


def without_cancellation(raised: Raised) -> Raised | None:
    """Return what remains when cancellations are taken out: groups left empty go as well."""
    if isinstance(raised, str):
        return None if raised == CANCELLED else raised
    rest = [each for each in map(without_cancellation, raised) if each is not None]
    return grouped(rest) if rest else None
