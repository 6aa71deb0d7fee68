"""Everything that becomes due at an instant, and the clock that moves from one to the next."""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar, final

from simclock.kernel.instants import from_seconds, to_seconds

__all__ = ["Timeline"]

TimerT = TypeVar("TimerT")

# Cancelled timers stay in the heap until they surface. Past this many a sweep that removes
# them all costs less than carrying them along.
_SWEEP_MIN = 100


@final
class Timeline(Generic[TimerT]):
    """A clock and the timers that wait for it.

    ``now`` is what programs read: float seconds since the run began. ``nanoseconds`` is the
    instant itself. Timers of one instant come out oldest first; whoever takes them decides
    whether to keep that order.
    """

    __slots__ = ("_ages", "_cancelled", "_heap", "_is_live", "nanoseconds", "now")

    def __init__(self, is_live: Callable[[TimerT, float], bool]) -> None:
        """Start at instant 0; ``is_live(timer, when)`` tells whether a timer still counts."""
        self._heap: list[tuple[int, int, float, TimerT]] = []
        self._ages = 0
        self._cancelled = 0
        self._is_live = is_live
        self.nanoseconds = 0
        self.now = 0.0

    def __len__(self) -> int:
        """Count the timers, cancelled ones that have not surfaced yet included."""
        return len(self._heap)

    def add(self, when: float, timer: TimerT) -> None:
        """Make ``timer`` due once the clock reaches ``when`` (seconds, not NaN or infinite)."""
        # Equal instants come out oldest first. Breaking the tie on the timer itself would
        # compare user objects, or let the memory allocator choose the schedule.
        self._ages = age = self._ages + 1
        heappush(self._heap, (from_seconds(when), age, when, timer))

    def note_cancelled(self) -> None:
        """Take note that one timer no longer counts, and sweep when most of them don't."""
        self._cancelled += 1
        if self._cancelled > _SWEEP_MIN and 2 * self._cancelled > len(self._heap):
            live = self._is_live
            self._heap = [entry for entry in self._heap if live(entry[3], entry[2])]
            heapify(self._heap)
            self._cancelled = 0

    def next_due(self) -> int | None:
        """Return the instant of the earliest live timer, or ``None`` if there is none."""
        heap, live = self._heap, self._is_live
        while heap:
            due, _, when, timer = heap[0]
            if live(timer, when):
                return due
            heappop(heap)
            self._cancelled = max(0, self._cancelled - 1)
        return None

    def live(self) -> list[TimerT]:
        """Return the live timers, earliest first."""
        return [
            timer
            for _, _, when, timer in sorted(self._heap, key=lambda e: e[:2])
            if self._is_live(timer, when)
        ]

    def is_due(self) -> bool:
        """Tell whether a live timer has already been reached by the clock."""
        due = self.next_due()
        return due is not None and due <= self.nanoseconds

    def take_due(self) -> list[TimerT]:
        """Remove and return the live timers of the earliest reached instant, oldest first.

        The clock then shows at least the deadline of each of them. An empty list says that none
        is due.
        """
        heap, live, taken = self._heap, self._is_live, list[TimerT]()
        instant = None
        while heap:
            due, _, when, timer = heap[0]
            if due > self.nanoseconds or (instant is not None and due != instant):
                break
            heappop(heap)
            if not live(timer, when):
                self._cancelled = max(0, self._cancelled - 1)
                continue
            instant = due
            taken.append(timer)
            if due == self.nanoseconds and when > self.now:
                self.now = when
        return taken

    def move_to(self, instant: int) -> None:
        """Move the clock forward to ``instant``; an instant already reached changes nothing."""
        if instant > self.nanoseconds:
            self.nanoseconds = instant
            # Floats of neighbouring instants may coincide far out; never show less than before.
            self.now = max(self.now, to_seconds(instant))

    def move_by(self, seconds: float) -> None:
        """Move the clock forward by ``seconds``, a finite number that is not negative."""
        if not (seconds >= 0 and math.isfinite(seconds)):
            raise ValueError(f"time moves by a finite number of seconds >= 0, not {seconds!r}")
        target = self.now + seconds
        self.move_to(from_seconds(target))
        self.now = max(self.now, target)
