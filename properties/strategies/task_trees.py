"""A strategy of programs: nested groups, scopes, shields, failures, cancellations, locks."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from properties.strategies.programs import (
    LOCKS,
    CancelGroup,
    Catch,
    Checkpoint,
    CleanUp,
    Fail,
    Group,
    Program,
    Scope,
    Shield,
    Sleep,
    Statement,
    WithLock,
)
from properties.strategies.timings import TIMINGS
from simclock.errors import UsageError

__all__ = ["task_trees"]

_SHORT: Final = tuple(seconds for seconds in TIMINGS if seconds <= 3)
_STATEMENTS_MAX: Final = 3
_TASKS_MAX: Final = 3
_LEAVES: Final = ("sleep", "checkpoint", "sleep", "fail", "cancel")
_NESTED: Final = ("group", "scope", "shield", "catch", "clean up", "group", "lock", "scope")


def task_trees(*, depth: int = 3) -> st.SearchStrategy[Program]:
    """Return a strategy of programs with up to ``depth`` blocks inside one another.

    They shrink towards an empty ``main``. Each ends, or is ended by its scopes: locks are taken in
    one order only, and nothing waits for ever.

    Raises:
        UsageError: ``depth`` is negative.
    """
    if depth < 0:
        raise UsageError(f"task_trees(depth=…) takes a whole number >= 0, not {depth!r}")
    return _programs(depth)


@st.composite
def _programs(draw: st.DrawFn, depth: int) -> Program:
    return Program(_body(draw, depth, 0))


def _body(draw: st.DrawFn, depth: int, locks: int) -> tuple[Statement, ...]:
    count = draw(st.integers(0, _STATEMENTS_MAX))
    return tuple(_statement(draw, depth, locks) for _ in range(count))


def _statement(draw: st.DrawFn, depth: int, locks: int) -> Statement:
    kinds = _LEAVES + _NESTED if depth > 0 else _LEAVES
    kind = kinds[draw(st.integers(0, len(kinds) - 1))]
    if kind in _LEAVES:
        return _leaf(draw, kind)
    if kind == "group":
        # Who holds a lock may wait for these tasks: so they, too, take later locks only.
        tasks = draw(st.integers(1, _TASKS_MAX))
        return Group(
            tuple(_body(draw, depth - 1, locks) for _ in range(tasks)),
            _body(draw, depth - 1, locks),
        )
    if kind == "lock" and locks < LOCKS:
        number = draw(st.integers(locks, LOCKS - 1))
        return WithLock(number, _body(draw, depth - 1, number + 1))
    if kind == "scope":
        seconds = _SHORT[draw(st.integers(0, len(_SHORT) - 1))]
        return Scope(seconds, draw(st.booleans()), _body(draw, depth - 1, locks))
    body = _body(draw, depth - 1, locks)
    if kind == "shield":
        return Shield(body)
    return Catch(body) if kind == "catch" else CleanUp(body)


def _leaf(draw: st.DrawFn, kind: str) -> Statement:
    if kind == "sleep":
        return Sleep(_SHORT[draw(st.integers(0, len(_SHORT) - 1))])
    if kind == "fail":
        return Fail()
    return CancelGroup() if kind == "cancel" else Checkpoint()
