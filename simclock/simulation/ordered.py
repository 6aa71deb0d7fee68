"""Sets that are walked in the order in which their members came.

asyncio and trio keep the async generators of a run in sets, whose members hash by address: at the
end the memory allocator would decide in which order those that are left are closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, final
from weakref import ref

__all__ = ["OrderedSet", "OrderedWeakSet"]


@final
class OrderedWeakSet:
    """Stands in for a ``weakref.WeakSet``."""

    __slots__ = ("__weakref__", "_members")

    def __init__(self) -> None:
        """Begin empty."""
        # By address, for as long as a member lives, which is as long as it is a member.
        self._members: dict[int, ref[Any]] = {}

    def add(self, member: Any) -> None:
        """Have ``member`` come last, unless it is there."""
        key = id(member)
        if key not in self._members:
            self._members[key] = ref(member, self._forgetting(key))

    def discard(self, member: Any) -> None:
        """Have ``member`` no more."""
        self._members.pop(id(member), None)

    def clear(self) -> None:
        """Have no member."""
        self._members.clear()

    def __iter__(self) -> Iterator[Any]:
        # A copy: members may go while one walks.
        for reference in list(self._members.values()):
            member = reference()
            if member is not None:
                yield member

    def __len__(self) -> int:
        return len(self._members)

    def _forgetting(self, key: int) -> Callable[[ref[Any]], None]:
        # Of the dictionary only: this set shall not live for its members' sake.
        members = self._members

        def forget(_: ref[Any]) -> None:
            members.pop(key, None)

        return forget


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

    def clear(self) -> None:
        """Have no member."""
        self._members.clear()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)
