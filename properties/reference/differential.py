"""The differential check: what libraries do, against what the model allows."""

from __future__ import annotations

import textwrap
from dataclasses import fields, replace
from itertools import combinations
from typing import TYPE_CHECKING, Final, final

from properties.reference.observing import INTERPRETERS, Interpreter, Observer
from properties.reference.walk import LIMIT, Outcome, Verdict, allows, outcomes
from properties.strategies.drawn import CALM, DrawnSchedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from properties.reference.dialects import Dialect
    from properties.reference.walk import Outcomes
    from properties.strategies.programs import Program

__all__ = ["DisagreementError", "check", "rules_needed"]

# How much of what would have been allowed is told, and how long it is looked for: a failure is
# told anew for each program that it shrinks through.
_SHOWN: Final = 10
_STATES_FOR_REPORT: Final = 2_000


@final
class DisagreementError(AssertionError):
    """A library did what the model does not allow. The text tells what, and how to see it again."""

    def __init__(
        self,
        program: Program,
        interpreter: Interpreter,
        schedule: DrawnSchedule,
        outcome: Outcome,
        allowed: Outcomes,
    ) -> None:
        self.program = program
        self.interpreter = interpreter
        self.schedule = schedule
        self.outcome = outcome
        self.allowed = allowed
        lines = [f"    {each}" for each in allowed.found[:_SHOWN]]
        if len(allowed.found) > _SHOWN:
            lines.append(f"    and {len(allowed.found) - _SHOWN} more")
        if not allowed.complete:
            lines.append(f"    and perhaps others: {allowed.states} states were looked at, not all")
        super().__init__(
            "\n".join(
                [
                    f"{interpreter.name} does what the model does not allow. The program:",
                    textwrap.indent(program.source(), "    ").rstrip(),
                    "what it did:",
                    f"    {outcome}",
                    "what the model allows:",
                    *lines,
                    "to see it again, with this interpreter:",
                    f"    check(Program({program.body!r}), {schedule!r})",
                ]
            )
        )


def check(
    program: Program,
    schedule: DrawnSchedule = CALM,
    *,
    interpreters: Sequence[Interpreter] = INTERPRETERS,
    observer: Observer | None = None,
    limit: int = LIMIT,
) -> dict[str, Verdict]:
    """Run ``program`` on each of the ``interpreters``, and hold what is seen against the model.

    Returns the verdict by the name of the interpreter: ``UNDECIDED`` where the model has looked
    at ``limit`` states and knows no answer. To check thousands of programs hand over one
    ``observer``, which keeps the worlds open that they run in.

    Raises:
        DisagreementError: the model refuses what was seen.
        UsageError: ``schedule`` cancels a task.
    """
    if observer is None:
        with Observer() as made:
            return check(program, schedule, interpreters=interpreters, observer=made, limit=limit)
    verdicts: dict[str, Verdict] = {}
    for interpreter in interpreters:
        outcome = observer.observe(program, interpreter, schedule)
        dialect = interpreter.dialect_under(schedule)
        verdict = verdicts[interpreter.name] = allows(program, outcome, dialect, limit=limit)
        if verdict is Verdict.REFUSED:
            allowed = outcomes(program, dialect, limit=min(limit, _STATES_FOR_REPORT))
            raise DisagreementError(program, interpreter, schedule, outcome, allowed)
    return verdicts


def rules_needed(
    program: Program,
    outcome: Outcome,
    dialect: Dialect,
    other: Dialect,
    *,
    limit: int = LIMIT,
) -> tuple[str, ...] | None:
    """Return the fewest rules of ``other`` with which ``dialect`` would allow ``outcome``.

    So it is told why two libraries differ in what they did: the names of fields of
    :class:`Dialect`, none if ``dialect`` allows the outcome as it is. ``None`` if not even all of
    them do.
    """
    names = [
        each.name
        for each in fields(dialect)
        if getattr(dialect, each.name) != getattr(other, each.name)
    ]
    for count in range(len(names) + 1):
        for taken in combinations(names, count):
            mixed = replace(dialect, **{name: getattr(other, name) for name in taken})
            if allows(program, outcome, mixed, limit=limit) is Verdict.ALLOWED:
                return taken
    return None
