"""A first in, first out queue between tasks."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Generic, Self, TypeVar, final

from concurrency._primitives.exchange import Exchange, Parcel
from concurrency._validation import check_count
from concurrency.errors import QueueClosed

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Queue"]

T = TypeVar("T")


@final
class Queue(Generic[T]):
    """Items pass from putters to getters in the order of the puts, each to exactly one getter.

    Waiting getters are served first come, first served, and so are waiting putters. ``maxsize``
    items lie in the queue at most; with 0 every put waits for its get (a rendezvous), with
    ``math.inf`` no put ever waits.

    No item is lost or doubled. A put that is cancelled has not put its item. A get that is
    cancelled leaves the item it would have had at the front, even if it had been handed the item
    already; the queue may then hold more than ``maxsize`` for a while. One case is out of reach:
    a put natively cancelled on asyncio in the very tick in which a getter took its item raises
    the cancellation although the item was delivered.

    ``put`` and ``get`` notice a cancelled scope always. Where they need not wait they let other
    tasks run now and then, not every time: often enough that nobody starves.

    ``close()``, or leaving ``async with queue:``, refuses further puts. What lies in the queue can
    still be taken; then every get raises ``QueueClosed``, and ``async for`` ends.

    Raises:
        TypeError: ``maxsize`` is not a whole number or ``math.inf``.
        ValueError: ``maxsize`` is negative.
    """

    __slots__ = ("__weakref__", "_exchange")

    def __init__(self, maxsize: float = math.inf) -> None:
        if maxsize != math.inf:
            maxsize = check_count(maxsize, name="maxsize", minimum=0)
        self._exchange: Exchange[T] = Exchange(_Shelf(), maxsize)

    @classmethod
    def with_maxsize(cls, maxsize: float) -> Self:
        """Return a queue of at most ``maxsize`` items, 0 for a rendezvous."""
        return cls(maxsize)

    async def put(self, item: T) -> None:
        """Put ``item``, waiting while the queue is full.

        Raises:
            QueueClosed: the queue is closed, or was closed while this waited; nothing was put.
        """
        exchange = self._exchange
        await exchange.checkpoint()
        if not exchange.offer(item):
            await exchange.wait_for_room(item)

    async def get(self) -> T:
        """Take the next item, waiting for one.

        Raises:
            QueueClosed: the queue is closed and nothing is left in it.
        """
        exchange = self._exchange
        await exchange.checkpoint()
        parcel = exchange.take()
        return await exchange.wait_for_item() if parcel is None else parcel[1]

    def put_nowait(self, item: T) -> None:
        """Put ``item`` at once.

        Raises:
            QueueFull: there is no room, and no getter waits.
            QueueClosed: the queue is closed.
        """
        self._exchange.put_nowait(item)

    def get_nowait(self) -> T:
        """Take the next item at once.

        Raises:
            QueueEmpty: there is none.
            QueueClosed: there is none, and the queue is closed.
        """
        return self._exchange.get_nowait()

    def close(self) -> None:
        """Refuse puts from now on, those that wait included; again without effect."""
        self._exchange.close()

    @property
    def closed(self) -> bool:
        """Whether the queue was closed."""
        return self._exchange.closed

    @property
    def maxsize(self) -> float:
        """How many items may lie in the queue."""
        return self._exchange.maxsize

    def qsize(self) -> int:
        """Return how many items lie in the queue."""
        return len(self._exchange)

    def empty(self) -> bool:
        """Tell whether no item lies in the queue."""
        return len(self._exchange) == 0

    def full(self) -> bool:
        """Tell whether the queue has no room."""
        return len(self._exchange) >= self._exchange.maxsize

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except QueueClosed:
            raise StopAsyncIteration from None


@final
class _Shelf(deque[Parcel[T]]):
    """Parcels in the order of their age."""

    __slots__ = ()

    def restore(self, parcel: Parcel[T]) -> None:
        # Among several that come back, the oldest goes first again.
        place = 0
        while place < len(self) and self[place][0] < parcel[0]:
            place += 1
        self.insert(place, parcel)

    def withdraw(self, parcel: Parcel[T]) -> bool:
        try:
            self.remove(parcel)
        except ValueError:
            return False
        return True
