"""From when to when a pool takes calls, and the wait for those it has taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import anyio

from concurrency.resource_tracker import track_resource, untrack_resource

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Lifetime"]


@final
class Lifetime:
    """Counts the calls in flight; closing lets them end and refuses new ones.

    Every call is owned by the task that made it, so leaving early orphans none.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._in_flight = 0
        self._closed = False
        self._idle: anyio.Event | None = None

    @property
    def in_flight(self) -> int:
        """How many calls run or wait for a worker."""
        return self._in_flight

    @property
    def closed(self) -> bool:
        """Whether the pool refuses further calls."""
        return self._closed

    def check_open(self) -> None:
        """Refuse a call to a pool that was left.

        Raises:
            RuntimeError: it was.
        """
        if self._closed:
            raise RuntimeError(
                f"this {self._owner} was left and takes no more calls; make the call inside its "
                "`async with` block, or use a new pool"
            )

    def open(self) -> None:
        """Note that an ``async with`` block begins."""
        self.check_open()
        track_resource(self, name=self._owner, kind="pool")

    async def close(self) -> None:
        """Refuse further calls and wait for those in flight; a cancellation ends the wait."""
        self._closed = True
        untrack_resource(self)
        if self._in_flight:
            self._idle = anyio.Event()
            await self._idle.wait()

    def __enter__(self) -> None:
        self._in_flight += 1

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._in_flight -= 1
        if not self._in_flight and self._idle is not None:
            self._idle.set()
