"""Where puts and gets meet: the one mechanism behind both queues.

An item is in exactly one place at any time: with its putter, in the store, or in the hands of a
getter. It changes hands directly: a put gives it to the first waiting getter, and a get makes
room for the first waiting putter, before any of them runs. So order is the order of asking.

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
    from collections.abc import Callable

__all__ = ["Exchange", "Parcel", "Store"]

T = TypeVar("T")

#: How many operations that need not wait may follow each other without letting others run.
STREAK_MAX = 16


@final
class Parcel(Generic[T]):
    """An item on its way, with its place in the order of acceptance."""

    __slots__ = ("age", "item")

    def __init__(self, item: T) -> None:
        self.item = item
        self.age = 0


class Store(Protocol[T]):
    """What lies in a queue, and in which order it leaves."""

    def __len__(self) -> int: ...

    def push(self, parcel: Parcel[T]) -> None:
        """Add ``parcel``; if this raises, nothing has changed."""
        ...

    def pop(self) -> Parcel[T]:
        """Take the next parcel; if this raises, nothing has changed."""
        ...

    def restore(self, parcel: Parcel[T]) -> None:
        """Put back what :meth:`pop` gave, to its old place. Never raises."""
        ...

    def remove(self, parcel: Parcel[T]) -> bool:
        """Take ``parcel`` out; ``False`` if it is not there."""
        ...


@final
class _Ask(Generic[T]):
    """What a waiting putter brings, or what a waiting getter is handed."""

    __slots__ = ("error", "parcel")

    def __init__(self, parcel: Parcel[T] | None) -> None:
        self.parcel = parcel
        self.error: Exception | None = None


@final
class Exchange(Generic[T]):
    """Puts and gets over a store of bounded size."""

    __slots__ = ("_age", "_getters", "_putters", "_store", "_streak", "closed", "maxsize")

    def __init__(self, store: Store[T], maxsize: float) -> None:
        self._store = store
        self._getters: Line[_Ask[T]] = Line()
        self._putters: Line[_Ask[T]] = Line()
        self._age = 0
        self._streak = 0
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
        if not self._accept(Parcel(item)):
            raise QueueFull

    async def put(self, item: T) -> None:
        """As ``put_nowait``, waiting for room."""
        # Before the item is accepted, not after: a put that was cancelled has put nothing.
        await self._pass_checkpoint()
        if self.closed:
            raise _refused_put()
        parcel = Parcel(item)
        if self._accept(parcel):
            if len(self._store) >= self.maxsize:
                self._streak = STREAK_MAX
            return
        self._streak = 0
        ask = _Ask(parcel)
        await self._putters.wait(self._putters.join(ask), self._take_back)
        if ask.error is not None:
            raise ask.error

    def get_nowait(self) -> T:
        """Take the next item, from the store or from a waiting putter."""
        if len(self._store):
            item = self._store.pop().item
            self._admit()
            return item
        if self._putters.waiting and self._putters.has_next():
            return self._take_from_putter().item
        raise QueueClosed if self.closed else QueueEmpty

    async def get(self) -> T:
        """As ``get_nowait``, waiting for an item."""
        await self._pass_checkpoint()
        if len(self._store) or (self._putters.waiting and self._putters.has_next()):
            item = self.get_nowait()
            if not len(self._store):
                self._streak = STREAK_MAX
            return item
        if self.closed:
            raise QueueClosed
        self._streak = 0
        ask: _Ask[T] = _Ask(None)
        await self._getters.wait(self._getters.join(ask), self._hand_on)
        if ask.error is not None:
            raise ask.error
        assert ask.parcel is not None
        return ask.parcel.item

    def close(self) -> None:
        """Refuse all puts from now on, those that wait included; what is stored can be taken."""
        if self.closed:
            return
        self.closed = True
        while self._putters.waiting:
            self._refuse(self._putters, _refused_put)
        while self._getters.waiting:
            self._refuse(self._getters, QueueClosed)

    def _accept(self, parcel: Parcel[T]) -> bool:
        if self._getters.waiting and self._getters.has_next():
            self._stamp(parcel)
            self._getters.serve().load.parcel = parcel
        elif len(self._store) < self.maxsize and not self._putters.has_next():
            self._stamp(parcel)
            self._store.push(parcel)
        else:
            return False
        return True

    def _stamp(self, parcel: Parcel[T]) -> None:
        self._age += 1
        parcel.age = self._age

    def _take_from_putter(self) -> Parcel[T]:
        parcel = self._putters.serve().load.parcel
        assert parcel is not None
        self._stamp(parcel)
        return parcel

    def _admit(self) -> None:
        while len(self._store) < self.maxsize and self._putters.has_next():
            ask = self._putters.serve().load
            assert ask.parcel is not None
            self._stamp(ask.parcel)
            try:
                self._store.push(ask.parcel)
            except Exception as exc:  # noqa: BLE001 - The item's fault, so its putter's error.
                ask.error = exc

    async def _pass_checkpoint(self) -> None:
        # Whoever has just filled the store, or emptied it, lets others run before it asks again:
        # that costs less than to wait in line, and order is the order of asking in any case.
        self._streak += 1
        if self._streak < STREAK_MAX:
            await checkpoint_if_cancelled()
        else:
            self._streak = 0
            await checkpoint()

    def _hand_on(self, waiter: Waiter[_Ask[T]]) -> None:
        if waiter.load.parcel is not None:
            self._give_back(waiter.load.parcel)

    def _give_back(self, parcel: Parcel[T]) -> None:
        if self._getters.waiting and self._getters.has_next():
            self._getters.serve().load.parcel = parcel
        else:
            # The store may hold one more than its bound for a while: refusing would lose the item.
            self._store.restore(parcel)
        self._admit()

    def _take_back(self, waiter: Waiter[_Ask[T]]) -> None:
        parcel = waiter.load.parcel
        # Not in the store any more: somebody has it, and the put has happened after all.
        if parcel is not None and self._store.remove(parcel):
            self._admit()

    def _refuse(self, line: Line[_Ask[T]], error: Callable[[], QueueClosed]) -> None:
        line.serve().load.error = error()


def _refused_put() -> QueueClosed:
    return QueueClosed("the queue is closed: nothing can be put any more, only taken")
