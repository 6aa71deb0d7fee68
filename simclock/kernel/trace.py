"""What happened in a run: cheaply always, in detail when somebody will read it."""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass
from typing import final

__all__ = ["Event", "Trace"]


@final
@dataclass(frozen=True, slots=True)
class Event:
    """One event of a detailed trace. It holds names, never addresses.

    ``kind`` is ``step``, ``time``, ``stall``, ``cancel``, ``collect`` or ``tie``; ``place`` is
    the file:line at which the lane suspended after the step, or at which it was hit.
    """

    step: int
    nanoseconds: int
    kind: str
    lane: int
    name: str
    place: str
    note: str = ""

    def __str__(self) -> str:
        """Return the event on one line."""
        what = f"{self.kind} {self.name}".rstrip()
        where = f" at {self.place}" if self.place else ""
        note = f" ({self.note})" if self.note else ""
        return f"step {self.step} t={self.nanoseconds / 1e9:g}s {what}{where}{note}"


@final
class Trace:
    """The course of one run.

    ``order`` has, for each step, the number of the lane that ran and, for each move of the
    clock, the new instant as a negative number: enough to tell two runs apart, and to follow
    one again, at the price of one append a step. ``events`` is filled only in observed runs.
    """

    __slots__ = ("draws", "events", "order")

    def __init__(self) -> None:
        """Start empty."""
        self.order: list[int] = []
        self.events: list[Event] = []
        self.draws = 0

    def digest(self, injected: object = ()) -> bytes:
        """Return 16 bytes that differ when the courses of two runs, or what they bore, do."""
        try:
            course = array("q", self.order).tobytes()
        except OverflowError:
            # Past 292 virtual years an instant needs more than 64 bits.
            course = repr(self.order).encode()
        digest = hashlib.blake2b(course, digest_size=16)
        if injected:
            digest.update(repr(injected).encode())
        return digest.digest()
