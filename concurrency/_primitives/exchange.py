"""Where puts and gets meet: the one mechanism behind both queues.

An item is in exactly one place at any time: with its putter, in the store, or in the hands of a
getter. It changes hands directly: a put gives it to the first waiting getter, and a get makes
room for the first waiting putter, before any of them runs. So order is the order of asking.

A put or get that may wait comes in steps, which the queue's own method calls one after another:
most need no second coroutine, and a coroutine is what costs most in them.

Between any two calls this holds, whoever is cancelled, because a cancelled getter gives back what
it was handed, and a cancelled putter takes back what nobody has taken yet:

* if getters wait, the store is empty and no putter waits;
* if putters wait, the store is full, or the getter that made room is about to admit the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, final

from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from concurrency._primitives.waiters import Line, Waiter
from concurrency.errors import QueueClosed, QueueEmpty, QueueFull

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

__all__ = ["Exchange", "Parcel", "Store"]

T = TypeVar("T")

#: How many operations that need not wait may follow each other without letting others run.
STREAK_MAX = 15


#: An item that was accepted, after its place in the order of acceptance, which no other has.
Parcel = tuple[int, T]


class Store(Protocol[T]):
    """What lies in a queue, and in which order it leaves.

    Named as far as possible as in a deque, so that one can be the store of a plain queue without
    a call in between.
    """

    def __len__(self) -> int: ...

    def append(self, parcel: Parcel[T], /) -> None:
        """Add ``parcel``; if this raises, nothing has changed."""
        ...

    def popleft(self) -> Parcel[T]:
        """Take the next parcel; if this raises, nothing has changed."""
        ...

    def restore(self, parcel: Parcel[T]) -> None:
        """Put back what :meth:`popleft` gave, to its old place. Never raises."""
        ...

    def withdraw(self, parcel: Parcel[T]) -> bool:
        """Take ``parcel`` out; ``False`` if it is not there."""
        ...


@final
class _Offer(Generic[T]):
    """What a waiting putter brings; ``parcel`` is what became of it, if that was stored."""

    __slots__ = ("error", "item", "parcel")

    def __init__(self, item: T) -> None:
        self.item = item
        self.parcel: Parcel[T] | None = None
        self.error: Exception | None = None


@final
class _Wish(Generic[T]):
    """What a waiting getter is handed."""

    __slots__ = ("error", "parcel")

    def __init__(self) -> None:
        self.parcel: Parcel[T] | None = None
        self.error: Exception | None = None


@final
class Exchange(Generic[T]):
    """Puts and gets over a store of bounded size."""

    __slots__ = ("_age", "_getters", "_putters", "_store", "_streak", "closed", "maxsize")

    def __init__(self, store: Store[T], maxsize: float) -> None:
        self._store = store
        self._getters: Line[_Wish[T]] = Line()
        self._putters: Line[_Offer[T]] = Line()
        self._age = 0
        self._streak = STREAK_MAX
        self.maxsize = maxsize
        self.closed = False

    def __len__(self) -> int:
        return len(self._store)

    @property
    def getters_waiting(self) -> int:
        """How many gets wait for an item."""
        return len(self._getters)

    @property
    def putters_waiting(self) -> int:
        """How many puts wait for room."""
        return len(self._putters)

    def put_nowait(self, item: T) -> None:
        """Hand ``item`` to the first waiting getter, or store it."""
        if self.closed:
            raise _refused_put()
        if not self._accept(item):
            raise QueueFull

    def checkpoint(self) -> Coroutine[Any, Any, None]:
        """Return what every put and get awaits first: a put that is cancelled has put nothing.

        Whoever has just filled the store, or emptied it, lets others run before it asks again:
        that costs less than to wait in line, and order is the order of asking in any case.
        """
        if self._streak:
            self._streak -= 1
            return checkpoint_if_cancelled()
        self._streak = STREAK_MAX
        return checkpoint()

    def offer(self, item: T) -> bool:
        """Begin a put, after :meth:`checkpoint`; if ``False``, :meth:`wait_for_room` ends it."""
        if self.closed:
            raise _refused_put()
        store = self._store
        if not self._getters.waiting and not self._putters.waiting and len(store) < self.maxsize:
            self._age = age = self._age + 1
            store.append((age, item))
        elif not self._accept(item):
            return False
        if len(store) >= self.maxsize:
            self._streak = 0
        return True

    async def wait_for_room(self, item: T) -> None:
        """Wait in the line of putters."""
        self._streak = STREAK_MAX
        ask = _Offer(item)
        await self._putters.wait(self._putters.join(ask), self._take_back)
        if ask.error is not None:
            raise ask.error

    def get_nowait(self) -> T:
        """Take the next item, from the store or from a waiting putter."""
        if self._store:
            _, item = self._store.popleft()
            self._admit()
            return item
        if self._putters.waiting and self._putters.has_next():
            return self._take_from_putter()[1]
        raise QueueClosed if self.closed else QueueEmpty

    def take(self) -> Parcel[T] | None:
        """Begin a get, after :meth:`checkpoint`; if ``None``, :meth:`wait_for_item` ends it."""
        store = self._store
        if store:
            parcel = store.popleft()
            if self._putters.waiting:
                self._admit()
            if not store:
                self._streak = 0
            return parcel
        if self._putters.waiting and self._putters.has_next():
            self._streak = 0
            return self._take_from_putter()
        if self.closed:
            raise QueueClosed
        return None

    async def wait_for_item(self) -> T:
        """Wait in the line of getters."""
        self._streak = STREAK_MAX
        ask: _Wish[T] = _Wish()
        await self._getters.wait(self._getters.join(ask), self._hand_on)
        if ask.error is not None:
            raise ask.error
        assert ask.parcel is not None
        return ask.parcel[1]

    def close(self) -> None:
        """Refuse all puts from now on, those that wait included; what is stored can be taken."""
        if self.closed:
            return
        self.closed = True
        while self._putters.waiting:
            self._putters.serve().load.error = _refused_put()
        while self._getters.waiting:
            self._getters.serve().load.error = QueueClosed()

    def _accept(self, item: T) -> bool:
        if self._getters.waiting and self._getters.has_next():
            self._getters.serve().load.parcel = self._stamp(item)
        elif len(self._store) < self.maxsize and not self._putters.has_next():
            self._store.append(self._stamp(item))
        else:
            return False
        return True

    def _stamp(self, item: T) -> Parcel[T]:
        self._age += 1
        return (self._age, item)

    def _take_from_putter(self) -> Parcel[T]:
        return self._stamp(self._putters.serve().load.item)

    def _admit(self) -> None:
        while len(self._store) < self.maxsize and self._putters.has_next():
            ask = self._putters.serve().load
            parcel = self._stamp(ask.item)
            try:
                self._store.append(parcel)
            except Exception as exc:  # noqa: BLE001 - The item's fault, so its putter's error.
                ask.error = exc
            else:
                ask.parcel = parcel

    def _hand_on(self, waiter: Waiter[_Wish[T]]) -> None:
        if waiter.load.parcel is not None:
            self._give_back(waiter.load.parcel)

    def _give_back(self, parcel: Parcel[T]) -> None:
        if self._getters.waiting and self._getters.has_next():
            self._getters.serve().load.parcel = parcel
        else:
            # The store may hold one more than its bound for a while: refusing would lose the item.
            self._store.restore(parcel)
        self._admit()

    def _take_back(self, waiter: Waiter[_Offer[T]]) -> None:
        parcel = waiter.load.parcel
        # Not in the store any more: somebody has it, and the put has happened after all.
        if parcel is not None and self._store.withdraw(parcel):
            self._admit()


def _refused_put() -> QueueClosed:
    return QueueClosed("the queue is closed: nothing can be put any more, only taken")
