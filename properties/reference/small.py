"""Every program there is up to a size, smallest first: what they show, no smaller one shows."""

from __future__ import annotations

from functools import cache
from itertools import combinations_with_replacement, product
from typing import TYPE_CHECKING, Final

from properties.strategies.programs import (
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
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["small_programs"]

_Body = tuple[Statement, ...]

_LEAVES: Final = (Checkpoint(), Sleep(1), Sleep(2), Fail())


def small_programs(statements: int) -> Iterator[Program]:
    """Yield every program of exactly so many statements, of a small vocabulary.

    Sleeps take one second or two, scopes have no time or one second and raise ``TimeoutError``,
    groups have one task or two, and there is one lock. Programs that differ only in the order of
    two tasks are one.

    Raises:
        UsageError: ``statements`` is negative.
    """
    if statements < 0:
        raise UsageError(f"small_programs() takes a whole number >= 0, not {statements!r}")
    return map(Program, _bodies(statements, in_group=False, locked=False))


@cache
def _bodies(size: int, *, in_group: bool, locked: bool) -> tuple[_Body, ...]:
    if size == 0:
        return ((),)
    return tuple(
        (first, *rest)
        for length in range(1, size + 1)
        for first in _statements(length, in_group=in_group, locked=locked)
        for rest in _bodies(size - length, in_group=in_group, locked=locked)
    )


def _statements(size: int, *, in_group: bool, locked: bool) -> Iterator[Statement]:
    if size == 1:
        yield from _LEAVES
        if in_group:
            yield CancelGroup()
    for body in _bodies(size - 1, in_group=in_group, locked=locked):
        yield from (Scope(0, True, body), Scope(1, True, body), Shield(body))
        yield from (Catch(body), CleanUp(body))
    if not locked:
        # Whoever took it twice would wait for himself.
        yield from (WithLock(0, body) for body in _bodies(size - 1, in_group=in_group, locked=True))
    yield from _groups(size - 1, locked=locked)


def _groups(size: int, *, locked: bool) -> Iterator[Statement]:
    def bodies(length: int) -> tuple[_Body, ...]:
        return _bodies(length, in_group=True, locked=locked)

    for length in range(size + 1):
        rest = bodies(size - length)
        yield from (Group((task,), body) for task in bodies(length) for body in rest)
    for length in range(1, size + 1):
        for second in range(min(length, size - length) + 1):
            pairs: Iterable[tuple[_Body, ...]]
            if second == length:
                pairs = combinations_with_replacement(bodies(length), 2)
            else:
                pairs = product(bodies(length), bodies(second))
            rest = bodies(size - length - second)
            yield from (Group(pair, body) for pair in pairs for body in rest)
