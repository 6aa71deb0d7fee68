"""Lists on their way in and out: flattened, without gaps, without repetitions."""

from __future__ import annotations

from collections.abc import AsyncIterable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, cast, final

__all__ = ["Shape", "Unset", "UnsetType", "items_of"]


@final
class UnsetType(Enum):
    """The type of ``Unset``: no value, where ``None`` would be one."""

    UNSET = "Unset"

    def __repr__(self) -> str:
        return "Unset"

    def __bool__(self) -> bool:
        return False


Unset: Final = UnsetType.UNSET


@final
@dataclass(frozen=True, slots=True)
class Shape:
    """What is done to the items of a list; lazily and in order.

    ``flatten`` opens lists within lists, ``flatten_tuple_set`` tuples and sets as well;
    ``dropna`` leaves out ``None`` and ``Unset``; ``unique`` keeps the first of equal items.
    """

    side: str
    flatten: bool
    dropna: bool
    unique: bool
    flatten_tuple_set: bool

    def __post_init__(self) -> None:
        if self.flatten_tuple_set and not self.flatten:
            raise ValueError(
                f"{self.side}_flatten_tuple_set=True says what {self.side}_flatten opens besides "
                f"lists: it needs {self.side}_flatten=True"
            )

    def apply(self, items: Iterable[Any]) -> Iterator[Any]:
        """Yield the items in their new shape."""
        shaped = self._flattened(items) if self.flatten else iter(items)
        if self.dropna:
            shaped = (item for item in shaped if item is not None and item is not Unset)
        return _unique(shaped) if self.unique else shaped

    def _flattened(self, items: Iterable[Any]) -> Iterator[Any]:
        # A stack instead of recursion: depth is data, and data may be deeper than the stack.
        stack = [iter(items)]
        while stack:
            for item in stack[-1]:
                if self._opens(item):
                    stack.append(iter(item))
                    break
                yield item
            else:
                stack.pop()

    def _opens(self, item: object) -> bool:
        if isinstance(item, list):
            return True
        return self.flatten_tuple_set and isinstance(item, (tuple, AbstractSet))


def items_of(input_: object, *, where: str) -> Iterable[Any]:
    """Return what to call the function over: the elements of a collection, else the one thing.

    Text, bytes and mappings are one thing, and so is an object that is iterable but neither an
    iterator nor a collection (it has a length and a membership test), such as a record.

    Raises:
        TypeError: it is an async iterable.
    """
    if isinstance(input_, AsyncIterable):
        raise TypeError(
            f"{where} takes a list or an iterator; for an async iterable write "
            "bounded_map(func, stream, limit=...), or batch_stream(stream, size) first"
        )
    if isinstance(input_, (str, bytes, bytearray, Mapping)):
        return [cast("Any", input_)]
    if isinstance(input_, (Iterator, Collection)):
        return cast("Iterable[Any]", input_)
    return [input_]


def _unique(items: Iterable[Any]) -> Iterator[Any]:
    hashable: set[Any] = set()
    others: list[Any] = []
    for item in items:
        try:
            is_new = item not in hashable
            hashable.add(item)
        except TypeError:
            is_new = item not in others
            if is_new:
                others.append(item)
        if is_new:
            yield item
