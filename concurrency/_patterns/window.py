"""At most so many tasks at a time, the next one only when there is a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, final

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from concurrency._outcome import Outcome
from concurrency._validation import close_unstarted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

__all__ = ["Window"]

T = TypeVar("T")


@final
class Window(Generic[T]):
    """Starts tasks in a group, never more than ``limit`` at once.

    One task starts them. ``ended(index, outcome)`` is called in each as it ends with a value or
    an error; a cancelled one is not reported.
    """

    __slots__ = ("_ended", "_group", "_limit", "_place_free", "_running")

    def __init__(
        self,
        group: anyio.abc.TaskGroup,
        limit: float,
        ended: Callable[[int, Outcome[T]], None],
    ) -> None:
        self._group = group
        self._limit = limit
        self._ended = ended
        self._place_free: anyio.Event | None = None
        # What runs, by index, with what must be closed should it never make a step.
        self._running: dict[int, tuple[Coroutine[Any, Any, None], object]] = {}

    async def wait_place(self) -> None:
        """Wait until another task may start. Raises if a cancelled scope says none may."""
        while len(self._running) >= self._limit:
            self._place_free = anyio.Event()
            await self._place_free.wait()
        # The task that made the place may have been cancelled together with this one, and the
        # wake-up may have come first: nothing is to be started any more.
        await checkpoint_if_cancelled()

    def start(self, index: int, work: Awaitable[T], *, name: str) -> None:
        """Start a task for ``work``; there must be a place."""
        runner = self._run(index, work)
        self._running[index] = (runner, work)
        self._group.create_task(runner, name=name)

    def close(self) -> list[int]:
        """After the group has ended: close what never made a step, and tell which that was."""
        indices = list(self._running)
        for unstarted in self._running.values():
            close_unstarted(unstarted)
        self._running.clear()
        return indices

    async def _run(self, index: int, work: Awaitable[T]) -> None:
        outcome: Outcome[T] = Outcome()
        try:
            await outcome.record(work)
        finally:
            del self._running[index]
            if outcome.settled:
                self._ended(index, outcome)
            if self._place_free is not None:
                self._place_free.set()
