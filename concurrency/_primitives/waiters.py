"""A line of waiting tasks, served first come, first served.

What is waited for is handed over at the moment it becomes free, not when the waiter wakes: the
giver calls :meth:`Line.serve`, and from then on it is the waiter's, although the waiter's task
has yet to run. So nobody can snatch it in between, and order is the order of joining.

The price is two duties. A task that was cancelled, but has not run since, still stands in line:
it is passed over, for what it is given would come back late, behind what came after. And a task
can be cancelled after it was served and before it runs (on asyncio, natively, in that very
tick); it must then undo what it was given, because its caller will see the cancellation and not
the result. :meth:`Line.wait` calls ``undo`` for that.
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

    __slots__ = ("load", "served", "task", "wake")

    def __init__(self, load: T) -> None:
        self.load = load
        self.served = False
        self.task = anyio.get_current_task()
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

    def has_next(self) -> bool:
        """Tell whether there is somebody to serve; whoever is cancelled already leaves the line.

        A cancellation that has begun is never taken back, so what :meth:`serve` gives then
        reaches its waiter, unless the waiter is cancelled natively from now on.
        """
        while self.waiting:
            first = next(iter(self.waiting))
            if not first.task.has_pending_cancellation():
                return True
            del self.waiting[first]
        return False

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
                self.waiting.pop(waiter, None)
            raise
        if not waiter.served:
            self.waiting.pop(waiter, None)
        return waiter.served
