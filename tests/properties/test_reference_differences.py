"""Every way in which dialects differ is shown by a program, and by no shorter one."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from random import Random

import pytest

from properties import CALM, DrawnSchedule, Program
from properties.reference import (
    ANYIO_ON_ASYNCIO,
    INTERPRETERS,
    TRIO,
    Delivery,
    Dialect,
    Observer,
    outcomes,
    small_programs,
)
from properties.strategies.drawn import Wish
from properties.strategies.programs import (
    CancelGroup,
    Catch,
    Checkpoint,
    CleanUp,
    Fail,
    Group,
    Scope,
    Shield,
    Sleep,
    WithLock,
)
from simclock.schedules import Kind

PAGE = Path(__file__).parents[2] / "docs/reference-model.md"


def found(program, dialect):
    seen = outcomes(program, dialect, limit=2_000)
    assert seen.complete
    return set(seen.found)


def differ(one, other):
    return lambda program: found(program, one) != found(program, other)


def is_forgotten_on_asyncio(program):
    """Tell whether trio always times out and asyncio never does."""
    return all(each.raised == "TimeoutError" for each in found(program, TRIO)) and not any(
        each.raised for each in found(program, ANYIO_ON_ASYNCIO)
    )


# What shows a difference, the program that the page shows, and what a program needs to have at
# all: so that not each of 185,537 programs need be gone through.
DIFFERENCES = {
    "a group passes on its wait's cancellation": (
        differ(TRIO, replace(TRIO, group_passes_on="wait")),
        Program((Scope(0, True, (Group(((),), ()),)),)),
        ("group", "fail_after"),
    ),
    "a group passes on its tasks' cancellation": (
        is_forgotten_on_asyncio,
        Program((Scope(0, True, (Group(((Checkpoint(),),), (Shield((Sleep(1),)),)),)),)),
        ("group", "fail_after"),
    ),
    "a failure beats a cancellation": (
        differ(TRIO, replace(TRIO, failure_beats_cancellation=True)),
        Program((Scope(0, True, (Catch((Group(((Checkpoint(),),), (Fail(),)),)),)),)),
        ("group", "Planned"),
    ),
    "a sleeper can be late": (
        differ(TRIO, replace(TRIO, sleeper_can_be_late=False)),
        Program((Scope(1, True, (Sleep(1),)),)),
        ("sleep",),
    ),
    "delivery by the loop, of a failure": (
        differ(TRIO, replace(TRIO, delivery=Delivery.BY_THE_LOOP)),
        Program((Group(((Checkpoint(),), (CleanUp((Fail(),)),)), ()),)),
        ("group",),
    ),
    "delivery by the loop, with a lock": (
        differ(TRIO, replace(TRIO, delivery=Delivery.BY_THE_LOOP)),
        Program((Group(((CancelGroup(), WithLock(0, ())),), (WithLock(0, ()),)),)),
        ("group",),
    ),
    "delivery out of order": (
        differ(ANYIO_ON_ASYNCIO, ANYIO_ON_ASYNCIO.shuffled()),
        Program((Scope(0, True, (Checkpoint(),)),)),
        (),
    ),
    "time does not wait": (
        differ(TRIO, TRIO.stalling()),
        Program((Scope(1, True, (Checkpoint(),)),)),
        (),
    ),
    "a lone failure is bare": (
        differ(TRIO, replace(TRIO, lone_failure_is_bare=True)),
        Program((Group(((Fail(),),), ()),)),
        ("group", "Planned"),
    ),
    "a free lock yields": (
        differ(TRIO, replace(TRIO, free_lock_yields=False)),
        Program((Group(((),), (CleanUp((WithLock(0, ()),)),)),)),
        ("lock",),
    ),
}


def size(program):
    def count(body):
        return sum(
            1
            + count(getattr(each, "body", ()))
            + sum(count(task) for task in getattr(each, "tasks", ()))
            for each in body
        )

    return count(program.body)


@cache
def sources(statements):
    return [(program, program.source()) for program in small_programs(statements)]


def assert_no_program_shows(difference, statements):
    shows, _, words = DIFFERENCES[difference]
    for program, source in sources(statements):
        if all(word in source for word in words):
            assert not shows(program), source


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_a_difference_is_shown_and_by_no_shorter_program(difference):
    shows, program, _ = DIFFERENCES[difference]

    assert shows(program)
    for statements in range(min(3, size(program))):
        assert_no_program_shows(difference, statements)


@pytest.mark.deep
@pytest.mark.parametrize("difference", [d for d in DIFFERENCES if size(DIFFERENCES[d][1]) > 3])
def test_a_difference_is_shown_by_no_program_shorter_by_one(difference):
    _, program, _ = DIFFERENCES[difference]

    for statements in range(3, size(program)):
        assert_no_program_shows(difference, statements)


def test_a_program_that_is_not_the_shortest_would_be_noticed():
    with pytest.raises(AssertionError, match="fail_after"):
        assert_no_program_shows("a sleeper can be late", 2)


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_the_page_shows_the_program_of_a_difference(difference):
    _, program, _ = DIFFERENCES[difference]
    text = PAGE.read_text(encoding="utf-8")

    assert f"program = {code(program)}\n" in text


def test_the_page_tells_of_every_difference_by_name():
    text = PAGE.read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if line.startswith("### ")]

    for each in fields(Dialect):
        assert any(f"`{each.name}`" in line for line in headings), each.name


def code(value):
    """Return a program as the page writes it."""
    if isinstance(value, tuple):
        return f"({', '.join(map(code, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, (Program, Group, Scope, Shield, Catch, CleanUp, WithLock)):
        held = [code(getattr(value, field.name)) for field in fields(value)]
        return f"{type(value).__name__}({', '.join(held)})"
    return repr(value).replace("seconds=", "") if not isinstance(value, int) else repr(value)


def walk(random):
    """Yield wishes for who goes next at each choice: seldom, often or almost never the oldest."""
    oldest = random.choice((0, 1, 3))
    for at in range(1, 13):
        if choice := max(0, random.randint(-oldest, 3)):
            yield Wish(Kind.RUN, at, choice)


# The calm schedule; such as hold asyncio's callbacks back, or let the younger timer fire first;
# and walks that let anybody go next.
SCHEDULES = [
    CALM,
    *(DrawnSchedule(wishes=(Wish(Kind.HOLD, at, 0, 20),)) for at in range(1, 5)),
    *(DrawnSchedule(wishes=(Wish(Kind.TIE, at, 1),)) for at in (1, 2)),
    *(DrawnSchedule(wishes=tuple(walk(Random(seed)))) for seed in range(2_000)),
]


def assert_all_is_seen(observer, program, interpreter):
    missing = found(program, interpreter.dialect)
    for schedule in SCHEDULES:
        missing.discard(observer.observe(program, interpreter, schedule))
        if not missing:
            return
    raise AssertionError(f"never seen: {list(map(str, missing))} of\n{program}")


ON_TRIO = [each for each in INTERPRETERS if each.backend == "trio"]


@pytest.mark.parametrize("interpreter", ON_TRIO, ids=lambda each: each.name)
def test_on_trio_all_that_the_model_allows_is_seen_in_the_smallest_programs(interpreter):
    with Observer() as observer:
        for statements in range(3):
            for program in small_programs(statements):
                assert_all_is_seen(observer, program, interpreter)


@pytest.mark.deep
@pytest.mark.parametrize("interpreter", ON_TRIO, ids=lambda each: each.name)
def test_on_trio_all_that_the_model_allows_is_seen_in_small_programs(interpreter):
    with Observer() as observer:
        for program in small_programs(3):
            assert_all_is_seen(observer, program, interpreter)


def test_what_is_never_seen_would_be_noticed():
    lax = replace(ON_TRIO[0], dialect=replace(TRIO, sleeper_can_be_late=False))

    with Observer() as observer, pytest.raises(AssertionError, match="never seen"):
        assert_all_is_seen(observer, Program((Scope(1, True, (Sleep(1),)),)), lax)


ON_ASYNCIO = [each for each in INTERPRETERS if each.backend == "asyncio"]


@pytest.mark.parametrize("difference", ["a sleeper can be late", "delivery out of order"])
@pytest.mark.parametrize("interpreter", ON_ASYNCIO, ids=lambda each: each.name)
def test_on_asyncio_both_outcomes_of_a_race_are_seen(difference, interpreter):
    _, program, _ = DIFFERENCES[difference]
    shuffled = replace(interpreter, dialect=interpreter.dialect.shuffled())

    assert len(found(program, shuffled.dialect)) == 2
    with Observer() as observer:
        assert_all_is_seen(observer, program, shuffled)
