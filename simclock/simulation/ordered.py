"""Sets that are walked in the order in which their members came.

asyncio and trio keep the async generators of a run in sets, whose members hash by address: at the
end the memory allocator would decide in which order those that are left are closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, final
from weakref import WeakSet

__all__ = ["OrderedSet", "OrderedWeakSet"]


@final
class OrderedSet:
    """Stands in for a ``set``."""

    __slots__ = ("_members",)

    def __init__(self, members: Iterable[Any] = ()) -> None:
        """Begin with ``members``."""
        self._members: dict[Any, None] = dict.fromkeys(members)

    def add(self, member: Any) -> None:
        """Have ``member`` come last, unless it is there."""
        self._members[member] = None

    def update(self, members: Iterable[Any]) -> None:
        """Have ``members`` come last, those that are not there."""
        self._members.update(dict.fromkeys(members))

    def discard(self, member: Any) -> None:
        """Have ``member`` no more."""
        self._members.pop(member, None)

    def clear(self) -> None:
        """Have no member."""
        self._members.clear()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


@final
class OrderedWeakSet(WeakSet[Any]):
    """A ``weakref.WeakSet`` that keeps the references to its members in order."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.data: Any = OrderedSet()
