"""Models of shared data: a key-value register, a counter, a set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from properties.models.base import ANY, Model, Request, Values
from properties.models.locks import unknown_call

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from properties.linearizability.history import Call

__all__ = ["CounterModel", "RegisterModel", "SetModel"]

_Items = tuple[tuple[Any, Any], ...]


@final
class RegisterModel(Model[_Items]):
    """Values by key; each key is a part of its own.

    Calls: ``read(key)``, ``write(key, value)``, ``compare_and_set(key, old, new) -> bool``,
    ``delete(key)``. A key that was never written, or deleted, reads as ``missing``.
    """

    reads = frozenset({"read"})

    def __init__(self, *, missing: Any = None) -> None:
        """Model a register without values."""
        self._missing = missing

    def initial(self) -> _Items:
        """Return a register without values."""
        return ()

    def partition(self, request: Request) -> Hashable | None:
        """Tell keys apart."""
        return request.args[0] if request.args else None

    def apply(self, state: _Items, request: Request) -> tuple[_Items, Any] | None:
        """Read, write, compare and set, or delete."""
        known = ("read", "write", "compare_and_set", "delete")
        if request.name not in known:
            raise unknown_call(self, request, known)
        key = request.args[0]
        value = next((held for name, held in state if name == key), self._missing)
        others = tuple(item for item in state if item[0] != key)
        match request.name:
            case "read":
                return state, value
            case "write":
                return (*others, (key, request.args[1])), ANY
            case "delete":
                return others, ANY
            case _:
                _, old, new = request.args
                return ((*others, (key, new)), True) if value == old else (state, False)

    def removable(self, calls: Sequence[Call]) -> Iterator[frozenset[int]]:
        """Yield what only reads, and each write of its own value with all reads of it."""
        yield from super().removable(calls)
        if any(call.name == "compare_and_set" for call in calls):
            return
        values = Values()
        writes: dict[int, list[int]] = {}
        readers: dict[int, list[int]] = {}
        for index, call in enumerate(calls):
            if call.name == "write":
                writes.setdefault(values.number((call.args[0], call.args[1])), []).append(index)
            elif call.name == "read" and call.end is not None:
                number = values.number((call.args[0], call.response))
                readers.setdefault(number, []).append(index)
        for written, indexes in writes.items():
            if len(indexes) == 1 and calls[indexes[0]].end is not None:
                yield frozenset(indexes + readers.get(written, []))

    def describe(self, state: _Items) -> str:
        """Tell the values."""
        return f"{dict(state)!r}"


@final
class CounterModel(Model[int]):
    """A number. Calls: ``add(n=1)``, ``fetch_and_add(n=1)`` returning what was, ``value()``."""

    reads = frozenset({"value"})

    def __init__(self, start: int = 0) -> None:
        """Model a counter that stands at ``start``."""
        self._start = start

    def initial(self) -> int:
        """Return where the counter begins."""
        return self._start

    def apply(self, state: int, request: Request) -> tuple[int, Any] | None:
        """Add or look."""
        amount = request.args[0] if request.args else 1
        match request.name:
            case "add":
                return state + amount, ANY
            case "fetch_and_add":
                return state + amount, state
            case "value":
                return state, state
            case _:
                raise unknown_call(self, request, ("add", "fetch_and_add", "value"))


@final
class SetModel(Model[tuple[Any, ...]]):
    """A set; without ``size`` each element is a part of its own.

    Calls: ``add(x)`` and ``discard(x)``, which return whether they changed the set (or ``None``
    if ``reports`` is false), ``contains(x) -> bool``, ``size() -> int``.
    """

    reads = frozenset({"contains", "size"})

    def __init__(self, *, reports: bool = True) -> None:
        """Model an empty set."""
        self._reports = reports

    def initial(self) -> tuple[Any, ...]:
        """Return the empty set."""
        return ()

    def partition(self, request: Request) -> Hashable | None:
        """Tell elements apart."""
        return ("element", request.args[0]) if request.args else None

    def apply(self, state: tuple[Any, ...], request: Request) -> tuple[tuple[Any, ...], Any] | None:
        """Add, discard or look."""
        match request.name:
            case "size":
                return state, len(state)
            case "contains":
                return state, request.args[0] in state
            case "add" | "discard":
                element = request.args[0]
                there = element in state
                adds = request.name == "add"
                changed = there != adds
                others = tuple(each for each in state if each != element)
                # Sorted by text, so that equal sets are equal states whatever came first.
                after = tuple(sorted((*others, element), key=repr)) if adds else others
                return after, changed if self._reports else ANY
            case _:
                raise unknown_call(self, request, ("add", "discard", "contains", "size"))
