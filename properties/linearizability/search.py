"""The search for an order: which sequential course, if any, explains a concurrent history.

Wing and Gong ("Testing and verifying concurrent objects", JPDC 1993) try every order of calls
that keeps those in order which did not overlap. Lowe ("Testing for linearizability", CCPE 2017,
sections 4 and 5) does it just in time: nothing takes effect before some call returns that needs
it, and a configuration met before (the same return event, state of the model, and calls that
took effect) is not searched again. Here a configuration has, for each call that has started and
not returned, how far it got: calls may have several phases, and those that were cut off several
ways to end. So the cost grows with the overlap of calls, and only linearly with their number.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from properties.linearizability.asking import Asked, course_of
from properties.linearizability.history import Ending, History
from properties.models.base import matches
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from properties.models.base import Model

__all__ = [
    "CONFIGURATIONS_MAX",
    "DeadEnd",
    "Found",
    "Point",
    "SearchLimitError",
    "find_dead_end",
    "find_order",
]

CONFIGURATIONS_MAX: Final = 1_000_000
# What is spent on each attempt to show a failure in a nicer way.
_SHORTENING_MAX: Final = 20_000


@final
class SearchLimitError(Exception):
    """A history needs more configurations to be decided than it was allowed."""

    def __init__(self, limit: int, calls: int) -> None:
        """Say what would help."""
        super().__init__(
            f"{limit} configurations did not decide a history of {calls} calls; record fewer calls "
            "that overlap or stay open, let the model partition them, or raise configurations=…"
        )


@final
@dataclass(frozen=True, slots=True)
class Point:
    """The point at which a phase of call number ``call`` takes effect in an order."""

    call: int
    phase: str


@final
@dataclass(frozen=True, slots=True)
class DeadEnd:
    """Where an order ended: the state it led to, and what the model answers there.

    ``expected`` is ``None`` if the call would have to wait in that state.
    """

    state: str
    expected: tuple[Any] | None


@final
@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: an order of all calls, or ``stuck``, the call that no order gets past.

    ``stuck`` is the index of the call that returns last, and ``order`` explains all the others.
    """

    order: tuple[Point, ...]
    configurations: int
    stuck: int | None = None
    dead_ends: tuple[DeadEnd, ...] = ()


# The order so far, from its end: what came before, the call, the phase, and the length.
_Path = tuple["_Path | None", int, str, int]


@final
class _Search:
    """Depth first over configurations; a stage for each call that returns, in their order."""

    def __init__(
        self,
        history: History,
        model: Model[Any],
        limit: int,
        preference: Mapping[int, float] | None = None,
    ) -> None:
        self._calls = history.calls
        self._model = model
        self._prefers = model.preference(history.calls) if preference is None else preference
        self._asked = Asked(model)
        self._limit = limit
        self._courses = tuple(course_of(call, model) for call in self._calls)
        returns = [i for i, call in enumerate(self._calls) if call.end is not None]
        self._returns = sorted(returns, key=lambda i: self._calls[i].end or 0)
        self._open = self._open_calls()
        self._stack: list[tuple[int, Hashable, tuple[int, ...], _Path | None]] = []
        self._seen: set[tuple[int, Hashable, tuple[int, ...]]] = set()
        self._before = self._precedence()

    def _open_calls(self) -> list[tuple[int, ...]]:
        """Return, for each stage, the calls that have started and not yet returned."""
        stages: list[tuple[int, ...]] = []
        ongoing: list[int] = []
        started = 0
        for returning in self._returns:
            end = self._calls[returning].end
            assert end is not None
            while started < len(self._calls) and self._calls[started].start < end:
                ongoing.append(started)
                started += 1
            stages.append(tuple(ongoing))
            ongoing.remove(returning)
        return stages

    def run(self) -> Found | None:
        """Return an order, or ``None`` if there is none."""
        if not self._returns:
            return Found((), 0)
        if any(call in earlier for call, earlier in self._before.items()):
            return None
        self._push(0, self._asked.initial(), (0,) * len(self._open[0]), None)
        while self._stack:
            stage, state, nodes, path = self._stack.pop()
            if stage == len(self._returns):
                return Found(_unwind(path), len(self._seen))
            self._expand(stage, state, nodes, path)
        return None

    @property
    def configurations(self) -> int:
        """How many configurations were looked at."""
        return len(self._seen)

    def _precedence(self) -> dict[int, frozenset[int]]:
        before: dict[int, set[int]] = {}
        for first, second in self._model.precedence(self._calls):
            end = self._calls[first].end
            # What returned before the other started precedes it anyway.
            if first == second or end is None or end > self._calls[second].start:
                before.setdefault(second, set()).add(first)
        return {call: frozenset(earlier) for call, earlier in before.items()}

    def _push(
        self, stage: int, state: Hashable, nodes: tuple[int, ...], path: _Path | None
    ) -> None:
        configuration = (stage, state, nodes)
        if configuration in self._seen:
            return
        if len(self._seen) >= self._limit:
            raise SearchLimitError(self._limit, len(self._calls))
        self._seen.add(configuration)
        self._stack.append((stage, state, nodes, path))

    def _expand(
        self, stage: int, state: Hashable, nodes: tuple[int, ...], path: _Path | None
    ) -> None:
        returning, ongoing = self._returns[stage], self._open[stage]
        place = ongoing.index(returning)
        node = self._courses[returning][nodes[place]]
        if node.complete:
            self._push(stage + 1, state, self._carry(stage, nodes, place), path)
        if not node.next:
            return
        for i in self._guesses(ongoing, place):
            call = ongoing[i]
            if nodes[i] == 0 and not self._may_begin(call, stage, ongoing, nodes):
                continue
            for phase, target in self._courses[call][nodes[i]].next:
                reached = self._take(call, phase, target, state)
                if reached is not None:
                    moved = (*nodes[:i], target, *nodes[i + 1 :])
                    length = 1 if path is None else path[3] + 1
                    self._push(stage, reached[0], moved, (path, call, phase, length))

    def _guesses(self, ongoing: tuple[int, ...], place: int) -> list[int]:
        """Return places in ``ongoing``, the one to try last in front, as a stack wants it."""
        prefers = self._prefers
        own = prefers.get(ongoing[place], math.inf)
        rest = [i for i in range(len(ongoing) - 1, -1, -1) if i != place]
        if own is math.inf and not prefers:
            return [*rest, place]
        # What is to be preferred to the returning call itself is tried before it.
        rest.sort(key=lambda i: prefers.get(ongoing[i], math.inf), reverse=True)
        later = [i for i in rest if prefers.get(ongoing[i], math.inf) >= own]
        return [*later, place, *rest[len(later) :]]

    def _may_begin(
        self, call: int, stage: int, ongoing: tuple[int, ...], nodes: tuple[int, ...]
    ) -> bool:
        """Tell whether all that has to precede ``call`` has taken effect."""
        for earlier in self._before.get(call, ()):
            if earlier in ongoing:
                if nodes[ongoing.index(earlier)] == 0:
                    return False
            elif self._calls[earlier].start > (self._calls[self._returns[stage]].end or 0):
                return False
        return True

    def _take(
        self, index: int, phase: str, target: int, state: Hashable
    ) -> tuple[Hashable, Any] | None:
        call = self._calls[index]
        answer = self._asked.apply(state, index, call.request(phase))
        if answer is None:
            return None
        last = call.ending is Ending.RETURNED and self._courses[index][target].complete
        return None if last and not matches(answer[1], call.response) else answer

    def _carry(self, stage: int, nodes: tuple[int, ...], place: int) -> tuple[int, ...]:
        """Return how far the calls got that are open in the next stage."""
        left = (*nodes[:place], *nodes[place + 1 :])
        if stage + 1 == len(self._returns):
            return left
        return left + (0,) * (len(self._open[stage + 1]) - len(left))


def _unwind(path: _Path | None) -> tuple[Point, ...]:
    points: list[Point] = []
    while path is not None:
        before, call, phase, _ = path
        points.append(Point(call, phase))
        path = before
    return tuple(reversed(points))


@final
class _Prefixes:
    """The beginnings of a history, by number of returns, each decided at most once."""

    def __init__(self, history: History, model: Model[Any], limit: int) -> None:
        self._history = history
        self._model = model
        self._limit = limit
        self.ends = sorted(call.end for call in history if call.end is not None)
        self.configurations = 0

    def until(self, returns: int) -> History:
        """Return the history up to and with its ``returns``-th return."""
        return self._history.until(self.ends[returns - 1])

    def order(self, history: History, prefers: Mapping[int, float] | None = None) -> Found | None:
        """Return an order of ``history``."""
        # A beginning has the indexes of the whole, and the whole knows better what to prefer.
        search = _Search(history, self._model, self._limit, prefers)
        found = search.run()
        self.configurations += search.configurations
        return found

    def shortest(self) -> History:
        """Return the shortest beginning without an order; that of the whole is known to be one."""
        # An order for a history has one for each of its beginnings in it: so halving works.
        prefers = self._model.preference(self._history.calls)
        works, fails = 0, len(self.ends)
        while fails - works > 1:
            middle = (works + fails) // 2
            try:
                failing = self.order(self.until(middle), prefers) is None
            except SearchLimitError:
                # Not the shortest then, but shown to fail all the same.
                failing = False
            if failing:
                fails = middle
            else:
                works = middle
        return self.until(fails)


def find_order(
    history: History, model: Model[Any], *, configurations: int = CONFIGURATIONS_MAX
) -> Found | None:
    """Return an order of the calls of ``history`` that ``model`` explains, or ``None``.

    Raises:
        SearchLimitError: more than ``configurations`` had to be looked at.
        UsageError: the model is not deterministic, or its states are not hashable.
    """
    if configurations < 1:
        raise UsageError(f"configurations is a whole number >= 1, not {configurations!r}")
    return _Search(history, model, configurations).run()


def find_dead_end(
    history: History, model: Model[Any], *, configurations: int = CONFIGURATIONS_MAX
) -> tuple[History, Found]:
    """Return the shortest beginning of ``history`` without an order, and how far orders get.

    ``history`` as a whole must have none.
    """
    prefixes = _Prefixes(history, model, min(configurations, _SHORTENING_MAX))
    shortest = prefixes.shortest()
    end = max(call.end for call in shortest if call.end is not None)
    stuck = next(index for index, call in enumerate(shortest) if call.end == end)
    calls = list(shortest.calls)
    calls[stuck] = calls[stuck].opened()
    # The call itself must not have a part in the order that shows how far the others get.
    others = shortest.without(frozenset({stuck}))
    found, renumbered = None, list(range(len(calls)))
    with suppress(SearchLimitError):
        found = prefixes.order(others)
        if found is None:
            found = prefixes.order(History(calls))
        else:
            renumbered.remove(stuck)
    order = () if found is None else found.order
    points = tuple(Point(renumbered[point.call], point.phase) for point in order)
    dead_end = _answer(shortest, model, points, stuck)
    return shortest, Found(points, prefixes.configurations, stuck, dead_end)


def _answer(
    history: History, model: Model[Any], points: Sequence[Point], stuck: int
) -> tuple[DeadEnd, ...]:
    """Return what ``model`` says to the call ``stuck`` after ``points``."""
    state: Any = model.initial()
    done = 0
    for point in points:
        answer = model.apply(state, history.calls[point.call].request(point.phase))
        assert answer is not None
        state = answer[0]
        done += point.call == stuck
    call = history.calls[stuck]
    phases = model.phases(call.request())[done:]
    expected: tuple[Any] | None = None
    for phase in phases:
        answer = model.apply(state, call.request(phase))
        if answer is None:
            return (DeadEnd(model.describe(state), None),)
        state, expected = answer[0], (answer[1],)
    return (DeadEnd(model.describe(state), expected),)
