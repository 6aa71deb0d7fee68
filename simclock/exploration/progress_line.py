"""A line on the terminal that tells how far a long exploration has come."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import Final, TextIO, final

from simclock.exploration.explore import Progress

__all__ = ["ProgressLine", "describe"]

# Short explorations show nothing; the line of a long one is renewed some times a second.
_FIRST_AFTER: Final = 1.0
_THEN_EVERY: Final = 0.25


def describe(name: str, progress: Progress) -> str:
    """Return the line for ``progress``."""
    return (
        f"{name}  {progress.schedules_run:,}/{progress.schedules:,} schedules"
        f"  {progress.rate:,.0f}/s  {progress.distinct:,} distinct"
    )


@final
class ProgressLine:
    """Shows progress below the line that is being written, and takes it away again.

    ``uncaptured`` opens a block in which :data:`sys.stderr` is the terminal, and ``column``
    tells where the cursor stands before the line is first shown.
    """

    def __init__(
        self,
        name: str,
        *,
        stream: Callable[[], TextIO] = lambda: sys.stderr,
        uncaptured: Callable[[], AbstractContextManager[object]] = nullcontext,
        column: Callable[[], int] = lambda: 0,
        width: int = 80,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        """Prepare a line about the program called ``name``; nothing is shown yet."""
        self._name = name
        self._stream = stream
        self._uncaptured = uncaptured
        self._column = column
        self._width = width
        self._clock = clock
        self._next = clock() + _FIRST_AFTER
        self._shown_from: int | None = None

    def show(self, progress: Progress) -> None:
        """Show ``progress``, unless the line was shown just now."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + _THEN_EVERY
        line = describe(self._name, progress)[: max(1, self._width - 1)]
        with self._uncaptured():
            stream = self._stream()
            if self._shown_from is None:
                self._shown_from = self._column()
                stream.write("\n")
            stream.write(f"\r\x1b[K{line}")
            stream.flush()

    def clear(self) -> None:
        """Take the line away and put the cursor back."""
        if self._shown_from is None:
            return
        back = f"\x1b[{self._shown_from}C" if self._shown_from else ""
        with self._uncaptured():
            stream = self._stream()
            stream.write(f"\r\x1b[K\x1b[1A{back}")
            stream.flush()
        self._shown_from = None
