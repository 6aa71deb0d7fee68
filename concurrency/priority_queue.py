"""A queue that serves the smallest first."""

from __future__ import annotations

import itertools
import math
from typing import Any, Generic, TypeVar, final

from concurrency._primitives.exchange import Exchange, Parcel
from concurrency._validation import check_count
from concurrency.errors import QueueClosed, QueueEmpty, QueueFull

__all__ = ["PriorityQueue", "QueueClosed", "QueueEmpty", "QueueFull"]

T = TypeVar("T")


@final
class PriorityQueue(Generic[T]):
    """Items leave smallest first, and among equals in the order of the puts.

    An item's key is its first element if it is a tuple or list that has one, else the item
    itself; only keys are compared. Waiting getters and putters are served first come, first
    served: an item that is put while a getter waits is that getter's, whatever comes later.

    No item is lost or doubled: a cancelled put has not put its item, an item handed to a getter
    that is then cancelled returns to its place (and may exceed ``maxsize`` there for a while).
    ``put`` and ``get`` are O(log n). Where they need not wait they let other tasks run now and
    then, not every time; a cancelled scope they notice always.

    Keys that cannot be compared are a ``TypeError`` in the put that brings them, which then has
    put nothing. If two keys meet only in a get, it is raised there, and nothing was taken.

    Args:
        maxsize: how many items may lie in the queue, 0 for no bound.

    Raises:
        TypeError: ``maxsize`` is not a whole number.
        ValueError: ``maxsize`` is negative.
    """

    __slots__ = ("__weakref__", "_exchange", "_maxsize")

    def __init__(self, maxsize: int = 0) -> None:
        self._maxsize = check_count(maxsize, name="maxsize", minimum=0)
        self._exchange: Exchange[T] = Exchange(_Heap(), self._maxsize or math.inf)

    async def put(self, item: T) -> None:
        """Put ``item``, waiting while the queue is full.

        Raises:
            TypeError: the key cannot be compared with those in the queue; nothing was put.
            QueueClosed: the queue is closed, or was closed while this waited.
        """
        exchange = self._exchange
        await exchange.checkpoint()
        if not exchange.offer(item):
            await exchange.wait_for_room(item)

    async def get(self) -> T:
        """Take the smallest item, waiting for one.

        Raises:
            TypeError: keys in the queue cannot be compared; nothing was taken.
            QueueClosed: the queue is closed and nothing is left in it.
        """
        exchange = self._exchange
        await exchange.checkpoint()
        parcel = exchange.take()
        return await exchange.wait_for_item() if parcel is None else parcel[1]

    async def put_nowait(self, item: T) -> None:
        """Put ``item`` at once, without a checkpoint; awaited for symmetry only.

        Raises:
            QueueFull: there is no room, and no getter waits.
            QueueClosed: the queue is closed.
            TypeError: the key cannot be compared with those in the queue; nothing was put.
        """
        self._exchange.put_nowait(item)

    async def get_nowait(self) -> T:
        """Take the smallest item at once, without a checkpoint; awaited for symmetry only.

        Raises:
            QueueEmpty: there is none.
            QueueClosed: there is none, and the queue is closed.
            TypeError: keys in the queue cannot be compared; nothing was taken.
        """
        return self._exchange.get_nowait()

    def close(self) -> None:
        """Refuse puts from now on, those that wait included; what is there can be taken."""
        self._exchange.close()

    @property
    def maxsize(self) -> int:
        """How many items may lie in the queue, 0 for no bound."""
        return self._maxsize

    def qsize(self) -> int:
        """Return how many items lie in the queue."""
        return len(self._exchange)

    def empty(self) -> bool:
        """Tell whether no item lies in the queue."""
        return len(self._exchange) == 0

    def full(self) -> bool:
        """Tell whether the queue has no room."""
        return len(self._exchange) >= self._exchange.maxsize


Entry = tuple[Any, int, Parcel[T]]


def _key(item: Any) -> Any:
    if isinstance(item, (tuple, list)) and item:
        return item[0]  # pyright: ignore[reportUnknownVariableType]
    return item  # pyright: ignore[reportUnknownVariableType]


@final
class _Heap(Generic[T]):
    """A binary heap that compares first and moves afterwards.

    The standard library's heap moves while it compares, so a comparison that raises leaves a
    new item in it or loses one that was leaving.
    """

    __slots__ = ("_entries", "_returned")

    def __init__(self) -> None:
        self._entries: list[Entry[T]] = []
        # What came back and no longer compares with the rest; it had been next once.
        self._returned: list[Parcel[T]] = []

    def __len__(self) -> int:
        return len(self._entries) + len(self._returned)

    def append(self, parcel: Parcel[T]) -> None:
        # Equal keys are told apart by age, so parcels themselves are never compared.
        age, item = parcel
        entry = (_key(item), age, parcel)
        path = self._climb(len(self._entries), entry)
        self._entries.append(entry)
        self._shift(path, entry)

    def popleft(self) -> Parcel[T]:
        if self._returned:
            return self._returned.pop(0)
        return self._pop_at(0)

    def restore(self, parcel: Parcel[T]) -> None:
        try:
            self.append(parcel)
        except Exception:  # noqa: BLE001 - Whatever its comparison raises, the item stays.
            self._returned.append(parcel)

    def withdraw(self, parcel: Parcel[T]) -> bool:
        for place, (_, _, stored) in enumerate(self._entries):
            if stored is parcel:
                self._pop_at(place)
                return True
        return False

    def _pop_at(self, hole: int) -> Parcel[T]:
        """Take the entry at ``hole`` out, filling it from below, and above if need be."""
        entries = self._entries
        size = len(entries) - 1
        filler = entries[size]
        path = [hole]
        while (child := 2 * path[-1] + 1) < size:
            if child + 1 < size and entries[child + 1] < entries[child]:
                child += 1
            if not entries[child] < filler:
                break
            path.append(child)
        if len(path) == 1:
            path = self._climb(hole, filler)
        parcel = entries[hole][2]
        entries.pop()
        if hole < size:
            self._shift(path, filler)
        return parcel

    def _climb(self, place: int, entry: Entry[T]) -> list[int]:
        """Return the places from ``place`` up to where ``entry`` belongs."""
        path = [place]
        while place > 0 and entry < self._entries[(place - 1) >> 1]:
            place = (place - 1) >> 1
            path.append(place)
        return path

    def _shift(self, path: list[int], entry: Entry[T]) -> None:
        """Move each entry of ``path`` to the place before its own, and ``entry`` to the last."""
        entries = self._entries
        for place, source in itertools.pairwise(path):
            entries[place] = entries[source]
        entries[path[-1]] = entry
