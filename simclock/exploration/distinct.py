"""How many different traces an exploration has seen, in constant memory."""

from __future__ import annotations

from heapq import heappush, heapreplace
from typing import Final, final

__all__ = ["DistinctCount"]

_KEPT: Final = 1 << 14
_SPACE: Final = 1 << 64


@final
class DistinctCount:
    """A count of distinct digests: exact up to 16,384, estimated to within 1 % or so beyond.

    Keeps the k smallest values seen (Bar-Yossef et al., "Counting distinct elements in a data
    stream", RANDOM 2002, algorithm 1): if the k-th smallest of n uniform values lies at x, then
    n is about (k - 1) / x.
    """

    __slots__ = ("_heap", "_kept")

    def __init__(self) -> None:
        """Start with none."""
        self._kept: set[int] = set()
        # Largest first, so that the value to be displaced is at hand.
        self._heap: list[int] = []

    def add(self, digest: bytes) -> None:
        """Count ``digest``, whose bytes are uniformly distributed."""
        value = int.from_bytes(digest[:8], "big")
        if value in self._kept:
            return
        if len(self._heap) < _KEPT:
            heappush(self._heap, -value)
            self._kept.add(value)
        elif value < -self._heap[0]:
            self._kept.discard(-heapreplace(self._heap, -value))
            self._kept.add(value)

    def merge(self, values: list[int]) -> None:
        """Add the kept values of another count."""
        for value in values:
            self.add(value.to_bytes(8, "big"))

    @property
    def values(self) -> list[int]:
        """The kept values, for :meth:`merge` in another process."""
        return sorted(self._kept)

    def __int__(self) -> int:
        """Return the count, or its estimate."""
        if len(self._heap) < _KEPT:
            return len(self._heap)
        return round((_KEPT - 1) * _SPACE / -self._heap[0])
