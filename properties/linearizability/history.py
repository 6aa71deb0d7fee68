"""A history as data: concurrent calls, each with its start, its end and its response."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

from properties.models.base import ANY, Ending, Raised, Request
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Call", "Ending", "History"]


@final
@dataclass(frozen=True, slots=True)
class Call:
    """One call of one task. ``start`` and ``end`` are places in the order of all events.

    Raises:
        UsageError: the end is before the start, or missing where there has to be one.
    """

    task: str
    name: str
    args: tuple[Any, ...]
    start: int
    end: int | None = None
    ending: Ending = Ending.RETURNED
    response: Any = None

    def __post_init__(self) -> None:
        """Refuse calls that no run could contain."""
        if (self.end is None) != (self.ending is Ending.OPEN):
            raise UsageError(
                f"{self.task}: {self} is {self.ending.value} and has end={self.end!r}: a call has "
                "an end unless it is open"
            )
        if self.end is not None and self.end <= self.start:
            raise UsageError(
                f"{self.task}: {self} starts at {self.start} and ends at {self.end}: "
                "the end of a call comes after its start"
            )

    def request(self, phase: str | None = None) -> Request:
        """Return what a model is asked about the call, or about one ``phase`` of it."""
        return Request(self.task, self.name, self.args, phase or self.name)

    def opened(self) -> Call:
        """Return the call as it was seen before it ended."""
        return replace(self, end=None, ending=Ending.OPEN, response=None)

    def __str__(self) -> str:
        """Return the call as code, with its response."""
        text = f"{self.name}({', '.join(map(repr, self.args))})"
        if (
            self.ending is Ending.RETURNED
            and self.response is not None
            and self.response is not ANY
        ):
            arrow = " " if isinstance(self.response, Raised) else " → "
            text += f"{arrow}{self.response!r}"
        return text


@final
@dataclass(frozen=True, slots=True)
class History:
    """Calls in the order in which they started.

    Raises:
        UsageError: two events are at one place, so that their order is not known.
    """

    calls: tuple[Call, ...]

    def __init__(self, calls: Iterable[Call]) -> None:
        """Sort ``calls`` by their start."""
        object.__setattr__(self, "calls", tuple(sorted(calls, key=lambda call: call.start)))
        places: dict[int, Call] = {}
        for call in self.calls:
            for place in (call.start, call.end):
                if place is None:
                    continue
                if place in places:
                    other = places[place]
                    raise UsageError(
                        f"{other.task}: {other} and {call.task}: {call} both have an event at "
                        f"{place}: give each start and each end a place of its own"
                    )
                places[place] = call

    def __len__(self) -> int:
        """Count the calls."""
        return len(self.calls)

    def __iter__(self) -> Iterator[Call]:
        """Iterate over the calls in the order of their starts."""
        return iter(self.calls)

    def until(self, place: int) -> History:
        """Return the history as it was right after the event at ``place``."""
        return History(
            call if call.end is not None and call.end <= place else call.opened()
            for call in self.calls
            if call.start <= place
        )

    def without(self, indexes: frozenset[int]) -> History:
        """Return the history without the calls at ``indexes``."""
        return History(call for i, call in enumerate(self.calls) if i not in indexes)
