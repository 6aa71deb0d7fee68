"""Models of queues: first in, first out, and smallest first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from properties.models.base import ANY, Ending, Model, Raised, Request, Values
from properties.models.locks import unknown_call
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from properties.linearizability.history import Call

__all__ = ["PriorityQueueModel", "QueueModel", "QueueState"]

_PUTS = frozenset({"put", "put_nowait"})
_GETS = frozenset({"get", "get_nowait"})
_KNOWN = ("put", "get", "put_nowait", "get_nowait", "close", "qsize", "empty", "full")


@final
@dataclass(frozen=True, slots=True)
class QueueState:
    """What lies in a queue, next to leave first; who offers what; whether it is closed."""

    items: tuple[Any, ...] = ()
    offers: tuple[tuple[str, Any], ...] = ()
    closed: bool = False

    def __str__(self) -> str:
        """Return the state in words."""
        offers = f", offered {[item for _, item in self.offers]!r}" if self.offers else ""
        return f"{list(self.items)!r}{offers}{', closed' * self.closed}"


@final
class QueueModel(Model[QueueState]):
    """A queue, first in, first out, of at most ``maxsize`` items.

    Calls: ``put(item)``, ``get()``, ``put_nowait(item)``, ``get_nowait()``, ``close()``,
    ``qsize()``, ``empty()``, ``full()``. What cannot be done at once raises some exception in the
    ``_nowait`` calls. After ``close()`` puts raise, and gets raise once nothing is left. With
    ``maxsize=0`` a put offers its item and ends when it was taken.

    Raises:
        UsageError: ``maxsize`` is negative.
    """

    reads = frozenset({"qsize", "empty", "full"})

    def __init__(self, maxsize: float = math.inf) -> None:
        if not maxsize >= 0:
            raise UsageError(f"maxsize is 0 (a rendezvous) or more, not {maxsize!r}")
        self._maxsize = maxsize

    def initial(self) -> QueueState:
        """Return an empty queue."""
        return QueueState()

    def phases(self, request: Request) -> tuple[str, ...]:
        """Split the put of a rendezvous: to offer the item, and to see that it was taken."""
        if request.name == "put" and self._maxsize == 0:
            return ("offer", "leave")
        return (request.name,)

    def cut_off_phases(self, request: Request) -> tuple[tuple[str, ...], ...]:
        """Let a put of a rendezvous withdraw its offer."""
        phases = self.phases(request)
        return ((), phases, ("offer", "withdraw")) if len(phases) > 1 else ((), phases)

    def apply(  # noqa: C901, PLR0911 - one line for each call
        self, state: QueueState, request: Request
    ) -> tuple[QueueState, Any] | None:
        """Put, take, close or look."""
        items, full = state.items, len(state.items) >= self._maxsize
        match request.phase:
            case "put" | "put_nowait" | "offer" if state.closed:
                return state, Raised(Exception)
            case "put" | "put_nowait" if not full:
                return QueueState((*items, request.args[0]), state.offers, state.closed), ANY
            case "get" | "get_nowait" if items or state.offers:
                return _taken(state)
            case "get" if state.closed:
                return state, Raised(Exception)
            case "put_nowait" | "get_nowait":
                return state, Raised(Exception)
            case "put" | "get":
                return None
            case "close":
                return QueueState(items, (), closed=True), ANY
            case "qsize":
                return state, len(items)
            case "empty":
                return state, not items
            case "full":
                return state, full
            case _:
                return self._rendezvous(state, request)

    def _rendezvous(self, state: QueueState, request: Request) -> tuple[QueueState, Any] | None:
        mine = (request.task, request.args[0]) if request.args else None
        match request.phase:
            case "offer":
                return QueueState(state.items, (*state.offers, mine), state.closed), ANY  # type: ignore[arg-type]
            case "leave":
                if mine in state.offers:
                    return None
                return state, ANY
            case "withdraw":
                left = tuple(offer for offer in state.offers if offer != mine)
                return QueueState(state.items, left, state.closed), ANY
            case _:
                raise unknown_call(self, request, _KNOWN)

    def removable(self, calls: Sequence[Call]) -> Iterator[frozenset[int]]:
        """Yield what only reads, and each item with its put and its one get."""
        yield from super().removable(calls)
        if not any(call.name == "close" for call in calls):
            yield from items_passed(calls)

    def precedence(self, calls: Sequence[Call]) -> Iterator[tuple[int, int]]:
        """Say of two puts which came first, where the gets of their items tell."""
        return first_in_first_out(calls)

    def preference(self, calls: Sequence[Call]) -> Mapping[int, float]:
        """Prefer the put whose item was got first."""
        values = Values()
        got = {
            values.number(call.response): float(call.end or 0)
            for call in calls
            if call.name in _GETS and _gave(call)
        }
        return {
            index: got.get(values.number(call.args[0]), math.inf)
            for index, call in enumerate(calls)
            if call.name in _PUTS
        }

    def describe(self, state: QueueState) -> str:
        """Tell what lies in the queue."""
        return str(state)


def _taken(state: QueueState) -> tuple[QueueState, Any]:
    if state.items:
        return QueueState(state.items[1:], state.offers, state.closed), state.items[0]
    return QueueState((), state.offers[1:], state.closed), state.offers[0][1]


@final
class PriorityQueueModel(Model[tuple[Any, ...]]):
    """A queue whose smallest item leaves first, and among equals the one that came first.

    Calls: as for :class:`QueueModel`, without ``close`` and the rendezvous; ``maxsize=0`` means
    unlimited. ``key`` orders the items; by default it is ``item[0]`` of a tuple or list, else
    the item.
    """

    reads = frozenset({"qsize", "empty", "full"})

    def __init__(self, maxsize: float = 0) -> None:
        """Model an empty queue."""
        if not maxsize >= 0:
            raise UsageError(f"maxsize is 0 (unlimited) or more, not {maxsize!r}")
        self._maxsize = maxsize or math.inf

    def initial(self) -> tuple[Any, ...]:
        """Return an empty queue."""
        return ()

    def apply(  # noqa: PLR0911 - one line for each call
        self, state: tuple[Any, ...], request: Request
    ) -> tuple[tuple[Any, ...], Any] | None:
        """Put, take or look."""
        full = len(state) >= self._maxsize
        match request.name:
            case "put" | "put_nowait" if not full:
                item = request.args[0]
                place = sum(_key(other) <= _key(item) for other in state)
                return (*state[:place], item, *state[place:]), ANY
            case "get" | "get_nowait" if state:
                return state[1:], state[0]
            case "put" | "get":
                return None
            case "put_nowait" | "get_nowait":
                return state, Raised(Exception)
            case "qsize":
                return state, len(state)
            case "empty":
                return state, not state
            case "full":
                return state, full
            case _:
                known = [name for name in _KNOWN if name != "close"]
                raise unknown_call(self, request, known)

    def removable(self, calls: Sequence[Call]) -> Iterator[frozenset[int]]:
        """Yield what only reads, and each item with its put and its one get."""
        yield from super().removable(calls)
        yield from items_passed(calls)

    def describe(self, state: tuple[Any, ...]) -> str:
        """Tell what lies in the queue."""
        return repr(list(state))


def _key(item: Any) -> Any:
    if isinstance(item, (tuple, list)) and item:
        return item[0]  # pyright: ignore[reportUnknownVariableType]
    return item  # pyright: ignore[reportUnknownVariableType]


def items_passed(calls: Sequence[Call]) -> Iterator[frozenset[int]]:
    """Yield the put and the get of each item that was put once and got once.

    Without them the others still pass in their order. Nothing is yielded if a call raised: a
    queue may have been full, or empty, because of such an item.
    """
    if any(isinstance(call.response, Raised) for call in calls):
        return
    values = Values()
    puts: dict[int, list[int]] = {}
    gets: dict[int, list[int]] = {}
    for index, call in enumerate(calls):
        if call.name in _PUTS:
            puts.setdefault(values.number(call.args[0]), []).append(index)
        elif call.name in _GETS and _gave(call):
            gets.setdefault(values.number(call.response), []).append(index)
    for item, (index, *more) in puts.items():
        got = gets.get(item, [])
        if not more and len(got) == 1 and calls[index].end is not None:
            yield frozenset({index, got[0]})


def first_in_first_out(calls: Sequence[Call]) -> Iterator[tuple[int, int]]:
    """Yield pairs of puts, the item of the first of which was got before that of the second.

    An item that was got by nobody comes after all that were, unless a get is still open. Items
    put twice tell nothing, and a get of what nobody put pairs with itself.
    """
    values = Values()
    puts: dict[int, list[int]] = {}
    for index, call in enumerate(calls):
        if call.name in _PUTS:
            puts.setdefault(values.number(call.args[0]), []).append(index)
    got: dict[int, tuple[float, float]] = {}
    for index, call in enumerate(calls):
        if call.name not in _GETS or not _gave(call):
            continue
        item = values.number(call.response)
        if item not in puts or item in got:
            yield index, index
        elif len(puts[item]) == 1:
            got[item] = (call.start, call.end or 0)
    # What nobody got, an open get may have, but not before it started.
    unended = [c.start for c in calls if c.name in _GETS and c.ending is not Ending.RETURNED]
    ungot = (min(unended, default=math.inf), math.inf)
    spans = [
        (indexes[0], *got.get(item, ungot))
        for item, indexes in puts.items()
        if len(indexes) == 1 and (item in got or not isinstance(calls[indexes[0]].response, Raised))
    ]
    yield from _orders(calls, spans)


def _gave(call: Call) -> bool:
    return call.ending is Ending.RETURNED and not isinstance(call.response, Raised)


def _orders(
    calls: Sequence[Call], spans: Sequence[tuple[int, float, float]]
) -> Iterator[tuple[int, int]]:
    """Yield the pairs among puts that overlap, and one for each put that came too early."""
    spans = sorted(spans, key=lambda span: calls[span[0]].start)
    # For each place, whose get ended first among the puts that start there or later.
    soonest: list[tuple[float, int]] = [(math.inf, -1)]
    for index, _, end in reversed(spans):
        soonest.append(min(soonest[-1], (end, index)))
    soonest.reverse()
    for place, (later, start, _) in enumerate(spans):
        until = calls[later].end
        walk = place + 1
        while walk < len(spans) and (until is None or calls[spans[walk][0]].start < until):
            other, other_start, other_end = spans[walk]
            if other_end < start:
                yield other, later
            elif spans[place][2] < other_start:
                yield later, other
            walk += 1
        end, index = soonest[walk]
        if end < start:
            yield index, later
