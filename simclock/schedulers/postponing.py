"""The order of age in which delayed lanes stand further back."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simclock.kernel import Lane

__all__ = ["Postponing"]

Place = tuple[int, int]


@final
class Postponing:
    """Remembers which pending steps were delayed, and behind which others.

    A delay holds until the delayed step has run. Whoever becomes runnable later stays behind.
    """

    __slots__ = ("_delayed", "_delays")

    def __init__(self) -> None:
        """Start without delays."""
        # For each delayed lane the ``seq`` of the step that was delayed, and its new place:
        # the ``seq`` behind which it stands, then the number of the delay.
        self._delayed: dict[int, tuple[int, Place]] = {}
        self._delays = 0

    def front(self, runnable: Sequence[Lane]) -> int:
        """Return the index of the lane in front."""
        if not self._delayed:
            return 0
        return min(range(len(runnable)), key=lambda index: self._place(runnable[index]))

    def delay(self, runnable: Sequence[Lane]) -> None:
        """Put the lane in front behind all others that are runnable now."""
        front = runnable[self.front(runnable)]
        behind = max(self._place(lane)[0] for lane in runnable)
        self._delays += 1
        self._delayed[front.id] = (front.seq, (behind, self._delays))

    def _place(self, lane: Lane) -> Place:
        delayed = self._delayed.get(lane.id)
        if delayed is None:
            return (lane.seq, 0)
        if delayed[0] == lane.seq:
            return delayed[1]
        # The delayed step has run; the lane waits with another one.
        del self._delayed[lane.id]
        return (lane.seq, 0)
