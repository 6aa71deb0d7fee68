"""A flag that is raised once: AnyIO's event with a timeout."""

from __future__ import annotations

from typing import final

import anyio

from concurrency._validation import check_timeout

__all__ = ["Event"]


@final
class Event:
    """A flag that is set once and stays set; setting it releases all who wait.

    It may be made and set outside an event loop.
    """

    __slots__ = ("__weakref__", "_event")

    def __init__(self) -> None:
        self._event = anyio.Event()

    def set(self) -> None:
        """Set the flag; again without effect."""
        self._event.set()

    def is_set(self) -> bool:
        """Tell whether the flag is set."""
        return self._event.is_set()

    async def wait(self, *, timeout: float | None = None) -> bool:
        """Wait for the flag; ``False`` if ``timeout`` seconds passed first.

        A flag that is set is always seen, also with ``timeout=0``. Always a checkpoint; a
        cancelled wait leaves no trace.

        Raises:
            TypeError: ``timeout`` is not a number.
            ValueError: ``timeout`` is NaN.
        """
        seconds = check_timeout(timeout)
        if seconds is None or self._event.is_set():
            await self._event.wait()
            return True
        with anyio.move_on_after(seconds):
            await self._event.wait()
        return self._event.is_set()

    def statistics(self) -> anyio.EventStatistics:
        """Return how many tasks wait."""
        return self._event.statistics()
