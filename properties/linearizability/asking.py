"""A model asked under supervision, and the ways that a call may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from properties.linearizability.history import Call, Ending
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from properties.models.base import Model, Request

__all__ = ["Asked", "Node", "course_of"]

# A model is asked everything twice at first, and now and then later: is it deterministic?
_CHECKED_FIRST: Final = 64
_CHECKED_EVERY: Final = 97


@final
@dataclass(frozen=True, slots=True)
class Node:
    """How far a call got: what it may do next, and whether it may end like this."""

    complete: bool
    next: tuple[tuple[str, int], ...]


def course_of(call: Call, model: Model[Any]) -> tuple[Node, ...]:
    """Return the ways of a call as a tree, its root first."""
    request = call.request()
    phases = tuple(model.phases(request))
    if call.ending is Ending.RETURNED:
        ways: Sequence[tuple[str, ...]] = (phases,)
    elif call.ending is Ending.CUT_OFF:
        ways = tuple(model.cut_off_phases(request))
    else:
        # Still running, or cut off while something else may carry it on: any part may be done.
        prefixes = [phases[:count] for count in range(len(phases) + 1)]
        ways = tuple(dict.fromkeys([*prefixes, *model.cut_off_phases(request)]))
    numbers: dict[tuple[str, ...], int] = {(): 0}
    for way in ways:
        for length in range(1, len(way) + 1):
            numbers.setdefault(way[:length], len(numbers))
    return tuple(
        Node(
            done in ways,
            tuple((way[-1], number) for way, number in numbers.items() if way and way[:-1] == done),
        )
        for done in numbers
    )


@final
class Asked:
    """A model, asked under supervision."""

    def __init__(self, model: Model[Any]) -> None:
        """Ask ``model``."""
        self._model = model
        self._count = 0
        # The outermost frames of the search ask the same again and again.
        self._known: dict[tuple[Hashable, int, str], tuple[Any, Any] | None] = {}

    def initial(self) -> Hashable:
        """Return the first state."""
        state: Hashable = self._model.initial()
        self._check_hashable(state)
        if self._model.initial() != state:
            raise UsageError(
                f"{type(self._model).__name__}.initial() gave two different states: "
                "a model begins in one state, the same each time"
            )
        return state

    def apply(self, state: Hashable, index: int, request: Request) -> tuple[Hashable, Any] | None:
        """Return what the model says to call number ``index`` in ``state``."""
        key = (state, index, request.phase)
        if key in self._known:
            return self._known[key]
        answer: tuple[Hashable, Any] | None = self._model.apply(state, request)
        self._count += 1
        if answer is not None:
            self._check_pair(answer, request)
            self._check_hashable(answer[0])
        if self._count <= _CHECKED_FIRST or self._count % _CHECKED_EVERY == 0:
            self._check_deterministic(state, request, answer)
        self._known[key] = answer
        return answer

    def _check_pair(self, answer: object, request: Request) -> None:
        pair: Any = answer
        if not isinstance(answer, tuple) or len(pair) != 2:
            raise UsageError(
                f"{type(self._model).__name__}.apply() answered {answer!r} to {request}: it "
                "returns (next state, response), or None if the call has to wait"
            )

    def _check_hashable(self, state: object) -> None:
        try:
            hash(state)
        except TypeError:
            raise UsageError(
                f"a state of {type(self._model).__name__} is not hashable: {state!r}; use tuples "
                "for lists, frozensets for sets, and frozen dataclasses"
            ) from None

    def _check_deterministic(self, state: Hashable, request: Request, answer: Any) -> None:
        again: Any = self._model.apply(state, request)
        if again != answer:
            raise UsageError(
                f"{type(self._model).__name__} is not deterministic: asked twice for {request} in "
                f"{self._model.describe(state)}, it answered {answer!r} and {again!r}; a model "
                "decides by state and request alone, and changes neither"
            )
