"""What an observer sees of a run, and which of it the model allows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, final

from properties.reference.dialects import TRIO, Dialect
from properties.reference.flow import MAIN, Flow, compile_program
from properties.reference.reduction import quiet_move
from properties.reference.semantics import moves
from properties.reference.states import Move, Raised, State, first_state
from simclock.kernel import to_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from properties.strategies.programs import Program

__all__ = ["LIMIT", "Note", "Outcome", "Outcomes", "Verdict", "allows", "outcomes"]

LIMIT: Final = 20_000
"""How many states of a program are looked at, unless told otherwise."""

Note = tuple[str, int]
"""A note of a program, and the nanosecond at which it was made."""


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """What an observer sees: what ``main`` raised and when, and the notes made, in order.

    ``raised`` is ``None`` if ``main`` returned, else the name of an error or a sorted tuple of
    what a group holds; ``ended`` is the nanosecond at which it did.
    """

    raised: Raised | None
    ended: int
    notes: tuple[Note, ...]

    def __str__(self) -> str:
        """Return the outcome in words, on one line."""
        did = "returns" if self.raised is None else f"raises {_show(self.raised)}"
        notes = [f"{name} at {to_seconds(at):g}" for name, at in self.notes]
        return f"{did} at {to_seconds(self.ended):g}; {', '.join(notes) or 'no notes'}"


def _show(raised: Raised) -> str:
    return raised if isinstance(raised, str) else f"{{{', '.join(map(_show, raised))}}}"


@final
@dataclass(frozen=True, slots=True)
class Outcomes:
    """The outcomes that were found, and whether there are no others."""

    found: tuple[Outcome, ...]
    complete: bool
    states: int


class Verdict(Enum):
    """Whether the model allows an outcome."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNDECIDED = "undecided"
    """The limit was reached before either was known."""


def outcomes(
    program: Program, dialect: Dialect = TRIO, *, limit: int = LIMIT, reduced: bool = True
) -> Outcomes:
    """Return every outcome that ``program`` may have, as far as ``limit`` states tell.

    They come in one order in every process. Unless ``reduced``, every order of moves is gone
    through, also of those whose order nobody can tell: more states, and the same outcomes.

    Raises:
        UsageError: the program takes its locks in an order in which it might deadlock.
    """
    walk = _Walk(program, dialect, limit, reduced=reduced)
    found = dict.fromkeys(walk.endings(None))
    return Outcomes(tuple(found), not walk.was_cut_short, walk.states)


def allows(
    program: Program, outcome: Outcome, dialect: Dialect = TRIO, *, limit: int = LIMIT
) -> Verdict:
    """Tell whether ``program`` may have this ``outcome``.

    Follows the outcome's notes and looks at nothing that contradicts them, so that it can be
    answered for programs whose outcomes are too many to count.
    """
    walk = _Walk(program, dialect, limit)
    for ending in walk.endings(outcome):
        if ending == outcome:
            return Verdict.ALLOWED
    return Verdict.UNDECIDED if walk.was_cut_short else Verdict.REFUSED


@final
class _Walk:
    """A walk through the states of one program, each looked at once for each list of notes."""

    def __init__(
        self, program: Program, dialect: Dialect, limit: int, *, reduced: bool = True
    ) -> None:
        self._flow: Flow = compile_program(program)
        self._dialect = dialect
        self._limit = limit
        self._reduced = reduced
        self.states = 0
        self.was_cut_short = False

    def _moves(self, state: State) -> list[Move]:
        quiet = quiet_move(self._flow, self._dialect, state) if self._reduced else None
        return moves(self._flow, self._dialect, state) if quiet is None else [quiet]

    def endings(self, observed: Outcome | None) -> Iterator[Outcome]:
        """Yield the outcome of each way to the end; with ``observed``, of those it fits."""
        start = first_state(self._flow), ()
        seen: set[tuple[State, tuple[Note, ...]]] = {start}
        ahead: list[tuple[State, tuple[Note, ...]]] = [start]
        while ahead:
            if self.states >= self._limit:
                self.was_cut_short = True
                return
            state, notes = ahead.pop()
            self.states += 1
            if state.is_over:
                yield Outcome(state.tasks[MAIN].raised, state.now, notes)
                continue
            for move in reversed(self._moves(state)):
                step = move.state, _with_notes(notes, move)
                if step not in seen and (observed is None or _fits(step, observed)):
                    seen.add(step)
                    ahead.append(step)


def _with_notes(notes: tuple[Note, ...], move: Move) -> tuple[Note, ...]:
    return notes + tuple((name, move.state.now) for name in move.notes)


def _fits(step: tuple[State, tuple[Note, ...]], observed: Outcome) -> bool:
    """Tell whether what was observed may still come."""
    state, notes = step
    count = len(notes)
    if notes != observed.notes[:count]:
        return False
    following = observed.notes[count][1] if count < len(observed.notes) else observed.ended
    return state.now <= following
