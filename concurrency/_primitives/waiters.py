"""A line of waiting tasks, served first come, first served.

What is waited for is handed over at the moment it becomes free, not when the waiter wakes: the
giver calls :meth:`Line.serve`, and from then on it is the waiter's, although the waiter's task
has yet to run. So nobody can snatch it in between, and order is the order of joining.

The price is one duty. A task can be cancelled after it was served and before it runs (on
asyncio, natively, in that very tick); it must then undo what it was given, because its caller
will see the cancellation and not the result. :meth:`Line.wait` calls ``undo`` for that.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar, final

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Line", "Waiter"]

T = TypeVar("T")


@final
class Waiter(Generic[T]):
    """One task's place in a line, and what it brings or is given."""

    __slots__ = ("load", "served", "wake")

    def __init__(self, load: T) -> None:
        self.load = load
        self.served = False
        self.wake = anyio.Event()


@final
class Line(Generic[T]):
    """Waiters in the order of their coming; leaving from the middle is as cheap as serving."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        #: To be read only. Its truth is asked in every uncontended operation.
        self.waiting: OrderedDict[Waiter[T], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self.waiting)

    def join(self, load: T) -> Waiter[T]:
        """Take the last place."""
        waiter = Waiter(load)
        self.waiting[waiter] = None
        return waiter

    def serve(self) -> Waiter[T]:
        """Take the first waiter out of line, mark it served and wake it; there must be one."""
        waiter, _ = self.waiting.popitem(last=False)
        waiter.served = True
        waiter.wake.set()
        return waiter

    async def wait(
        self, waiter: Waiter[T], undo: Callable[[Waiter[T]], None], *, timeout: float | None = None
    ) -> bool:
        """Wait until ``waiter`` is served; ``False`` if ``timeout`` seconds passed first.

        If this is cancelled, the waiter has left the line, or, if it was served already,
        ``undo(waiter)`` has been called, before the cancellation is raised.
        """
        try:
            if timeout is None:
                await waiter.wake.wait()
            else:
                with anyio.move_on_after(timeout):
                    await waiter.wake.wait()
        except BaseException:
            if waiter.served:
                undo(waiter)
            else:
                del self.waiting[waiter]
            raise
        if not waiter.served:
            del self.waiting[waiter]
        return waiter.served
