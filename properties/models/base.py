"""What a sequential model is: the promises of an object, told as if one call came after another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, final

if TYPE_CHECKING:
    from properties.linearizability.history import Call

__all__ = ["ANY", "Anything", "Ending", "Model", "Raised", "Request", "Values", "matches"]

StateT = TypeVar("StateT", bound=Hashable)


@final
class Anything:
    """The type of :data:`ANY`."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Read well in the text of a failure."""
        return "anything"


ANY: Final = Anything()
"""The response of a call whose return value the model says nothing about."""


@final
class Ending(Enum):
    """How a call ended."""

    RETURNED = "returned"
    """With a response, which may be an exception that the model knows."""
    CUT_OFF = "cut off"
    """By a cancellation, whatever it had done by then; it does nothing afterwards."""
    OPEN = "open"
    """Not at all, as far as the history goes: it may take effect at any time, or never."""


@final
@dataclass(frozen=True, slots=True)
class Raised:
    """The response of a call that raised; in a model, it stands for subclasses of ``kind`` too."""

    kind: type[BaseException]

    def __repr__(self) -> str:
        """Read well in the text of a failure."""
        return f"raises {self.kind.__name__}"


@final
@dataclass(frozen=True, slots=True)
class Request:
    """One call as a model sees it: who calls what with which arguments, and which part of it.

    ``phase`` is the call's name, unless the model splits the call with :meth:`Model.phases`.
    """

    task: str
    name: str
    args: tuple[Any, ...]
    phase: str

    def __str__(self) -> str:
        """Return the call as code."""
        return f"{self.name}({', '.join(map(repr, self.args))})"


@final
class Values:
    """Numbers for values: equal values have one number, whether or not they can be hashed."""

    __slots__ = ("_hashable", "_others", "_values")

    def __init__(self) -> None:
        """Know no value yet."""
        self._hashable: dict[Any, int] = {}
        self._others: list[tuple[Any, int]] = []
        self._values: list[Any] = []

    def number(self, value: Any) -> int:
        """Return the number of ``value``, a new one if no equal value was seen."""
        try:
            known = self._hashable.get(value)
            others = self._others
        except TypeError:
            known, others = None, list(zip(self._values, range(len(self._values)), strict=True))
        if known is None:
            known = next((number for other, number in others if other == value), None)
        if known is None:
            known = len(self._values)
            self._values.append(value)
            try:
                self._hashable[value] = known
            except TypeError:
                self._others.append((value, known))
        return known


def matches(expected: object, actual: object) -> bool:
    """Tell whether the response ``actual`` is what the model ``expected``."""
    if expected is ANY:
        return True
    if isinstance(expected, Raised):
        return isinstance(actual, Raised) and issubclass(actual.kind, expected.kind)
    return not isinstance(actual, Raised) and bool(expected == actual)


class Model(ABC, Generic[StateT]):
    """A sequential object: states, which are hashable values, and calls that lead to the next one.

    A model is deterministic: :meth:`apply` with equal arguments gives equal answers, and changes
    neither the state it is given nor anything else. That is checked while it is used.
    """

    reads: frozenset[str] = frozenset()
    """The names of calls that never change the state."""

    @abstractmethod
    def initial(self) -> StateT:
        """Return the state before the first call."""

    @abstractmethod
    def apply(self, state: StateT, request: Request) -> tuple[StateT, Any] | None:
        """Return the next state and the response, or ``None`` if the call has to wait in ``state``.

        A response is a value, :class:`Raised`, or :data:`ANY`.
        """

    def phases(self, request: Request) -> tuple[str, ...]:
        """Return the parts of a call, each of which takes place at a point of its own, in order.

        Most calls have one. One that lets others act meanwhile has two or more, as in the dual
        data structures of Scherer and Scott (DISC 2004): to join a line, and to be served. The
        response of the last is the call's.
        """
        return (request.name,)

    def cut_off_phases(self, request: Request) -> tuple[tuple[str, ...], ...]:
        """Return what a call may have done that a cancellation cut off, as alternatives.

        By default, nothing or all of it.
        """
        return ((), self.phases(request))

    def partition(self, request: Request) -> Hashable | None:
        """Return the part of the object that the call is about, or ``None`` for the whole of it.

        Calls about different parts must not influence each other: each part is then checked by
        itself, which is as good (locality; Herlihy and Wing, TOPLAS 1990, section 3.2) and faster.
        """
        del request
        return None

    def removable(self, calls: Sequence[Call]) -> Iterator[frozenset[int]]:
        """Yield sets of indexes into ``calls`` without which an explained history stays explained.

        They may be left out of the picture of a failure. By default, each call that only reads.
        """
        for index, call in enumerate(calls):
            if call.name in self.reads:
                yield frozenset({index})

    def precedence(self, calls: Sequence[Call]) -> Iterator[tuple[int, int]]:
        """Yield pairs of indexes into ``calls``: the second never takes effect before the first.

        They have to follow from what the calls returned, in every order that the model explains;
        an index paired with itself says that there is no such order. None is needed; those of a
        queue save its search from guessing an order that only comes to light much later.
        """
        del calls
        return iter(())

    def preference(self, calls: Sequence[Call]) -> Mapping[int, float]:
        """Return, by index into ``calls``, numbers: of two calls, try that with the lesser first.

        Only a hint where the search has to guess; calls without a number count as infinite.
        """
        del calls
        return {}

    def describe(self, state: StateT) -> str:
        """Return ``state`` as it is shown in the text of a failure."""
        return repr(state)
