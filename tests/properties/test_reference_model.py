"""The reference model says what thinking says: small programs, and all that they may do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from properties import Program, task_trees
from properties.reference import (
    ANYIO_ON_ASYNCIO,
    CONCURRENCY_ON_ASYNCIO,
    CONCURRENCY_ON_TRIO,
    TRIO,
    Outcome,
    Verdict,
    allows,
    outcomes,
)
from properties.reference.flow import compile_program
from properties.reference.semantics import moves
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

PLAIN = settings(
    deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
DIALECTS = {
    "trio": TRIO,
    "asyncio": ANYIO_ON_ASYNCIO,
    "concurrency": CONCURRENCY_ON_ASYNCIO,
    "concurrency on trio": CONCURRENCY_ON_TRIO,
}
SHUFFLED = ANYIO_ON_ASYNCIO.shuffled()
EVERY = {
    **DIALECTS,
    "shuffled": SHUFFLED,
    "stalling": SHUFFLED.stalling(),
    "stalling trio": TRIO.stalling(),
}


def told(program, dialect=TRIO):
    found = outcomes(program, dialect)
    assert found.complete
    return {str(each) for each in found.found}


def group(*tasks, body=()):
    return Group(tuple(tasks), body)


KNOWN = {
    "nothing at all": (Program(()), {"returns at 0; main at 0"}),
    "a sleep takes its time": (Program((Sleep(2), Sleep(0.5))), {"returns at 2.5; main at 2.5"}),
    "a failure ends main": (Program((Fail(), Sleep(1))), {"raises failure1 at 0; no notes"}),
    "a failure is caught": (
        Program((Catch((Fail(), Sleep(1))),)),
        {"returns at 0; caught1 at 0, main at 0"},
    ),
    "clean-up runs on the way out": (
        Program((CleanUp((Sleep(1), Fail())),)),
        {"raises failure1 at 1; cleaned1 at 1"},
    ),
    "a scope ends its body in time": (
        Program((Scope(1, False, (Sleep(2),)), Sleep(1))),
        {"returns at 2; main at 2"},
    ),
    "a scope can raise": (
        Program((Scope(1, True, (Sleep(2),)),)),
        {"raises TimeoutError at 1; no notes"},
    ),
    "a scope whose body was done does not raise": (
        Program((Scope(0, True, ()),)),
        {"returns at 0; main at 0"},
    ),
    "no time is time out at the first checkpoint": (
        Program((Scope(0, True, (Checkpoint(),)),)),
        {"raises TimeoutError at 0; no notes"},
    ),
    "a shield keeps a deadline out until its end": (
        Program((Scope(1, False, (Shield((Sleep(3),)), Checkpoint(), Fail())),)),
        {"returns at 3; main at 3"},
    ),
    "a shield keeps no deadline out that is within": (
        Program((Shield((Scope(1, False, (Sleep(3),)),)),)),
        {"returns at 1; main at 1"},
    ),
    "of two deadlines the outer one is raised": (
        Program((Scope(1, True, (Scope(1, False, (Sleep(3),)), Fail())),)),
        {"raises TimeoutError at 1; no notes"},
    ),
    "a cancelled failure is a failure": (
        Program((Scope(1, True, (CleanUp((Sleep(2),)),)),)),
        {"raises TimeoutError at 1; cleaned1 at 1"},
    ),
    "tasks run side by side": (
        Program((group((Sleep(2),), (Sleep(1),), body=(Sleep(0.5),)),)),
        {"returns at 2; task2 at 1, task1 at 2, main at 2"},
    ),
    "tasks go in any order": (
        Program((group((), ()),)),
        {
            "returns at 0; task1 at 0, task2 at 0, main at 0",
            "returns at 0; task2 at 0, task1 at 0, main at 0",
        },
    ),
    "cancelling a group ends its tasks and its body": (
        Program((group((Sleep(5),), (Sleep(1), CancelGroup()), body=(Sleep(5),)), Sleep(1))),
        {"returns at 2; task2 at 1, main at 2"},
    ),
    "a task may finish although its group is cancelled": (
        Program((group((Shield((Sleep(2),)),), body=(CancelGroup(),)),)),
        {"returns at 2; task1 at 2, main at 2"},
    ),
    "a lock is held by one task at a time, first come, first served": (
        Program((group((WithLock(0, (Sleep(1),)),), (Sleep(0.5), WithLock(0, (Sleep(1),)))),)),
        {"returns at 2; task1 at 1, task2 at 2, main at 2"},
    ),
    "who is cancelled in line leaves it": (
        Program(
            (
                group(
                    (WithLock(0, (Sleep(3),)),),
                    (Sleep(0.5), Scope(1, False, (WithLock(0, (Fail(),)),))),
                    (Sleep(1), WithLock(0, (Sleep(1),))),
                ),
            )
        ),
        {"returns at 4; task2 at 1.5, task1 at 3, task3 at 4, main at 4"},
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("claim", KNOWN)
def test_a_program_may_do_what_thinking_says_and_nothing_else(claim, dialect):
    program, expected = KNOWN[claim]

    assert told(program, DIALECTS[dialect]) == expected


@pytest.mark.parametrize("claim", KNOWN)
def test_late_callbacks_and_stalls_add_outcomes_and_take_none_away(claim):
    program, expected = KNOWN[claim]

    assert told(program, SHUFFLED) >= expected
    assert told(program, SHUFFLED.stalling()) >= told(program, SHUFFLED)
    assert told(program, TRIO.stalling()) >= expected


def test_a_failing_task_ends_its_siblings_and_is_raised_in_a_group():
    program = Program((group((Sleep(1), Fail()), (Sleep(2),), body=(CleanUp((Sleep(3),)),)),))

    assert told(program) == {"raises {failure1} at 1; cleaned1 at 1"}
    assert told(program, ANYIO_ON_ASYNCIO) == {"raises {failure1} at 1; cleaned1 at 1"}
    assert told(program, CONCURRENCY_ON_TRIO) == {"raises failure1 at 1; cleaned1 at 1"}


def test_failures_of_one_instant_may_all_be_raised_or_the_first_alone():
    program = Program((group((Checkpoint(), Fail()), body=(Fail(),)),))

    assert told(program) == {"raises {failure2} at 0; no notes"}

    program = Program((group((Fail(),), (Fail(),)),))

    assert told(program) == {"raises {failure1, failure2} at 0; no notes"}


def test_a_group_within_a_group_raises_a_group_within_a_group():
    program = Program((group((group((Fail(),)),), body=(Sleep(1),)),))

    assert told(program) == {"raises {{failure1}} at 0; no notes"}
    assert told(program, CONCURRENCY_ON_TRIO) == {"raises failure1 at 0; no notes"}


def test_a_group_may_pass_on_the_cancellation_of_its_tasks_of_its_wait_or_of_both():
    unnoticed = Program((Scope(0, True, (group(()),)),))
    cut_short = Program((Scope(0, True, (group((Checkpoint(),), body=(Shield((Sleep(1),)),)),)),))
    both = replace(TRIO, group_passes_on="tasks and wait")
    wait = replace(TRIO, group_passes_on="wait")

    assert told(unnoticed) == {"returns at 0; task1 at 0, main at 0"}
    assert told(unnoticed, wait) == {"raises TimeoutError at 0; task1 at 0"}
    assert told(unnoticed, both) == {"raises TimeoutError at 0; task1 at 0"}
    assert told(cut_short) == {"raises TimeoutError at 1; no notes"}
    assert told(cut_short, wait) == {"returns at 1; main at 1"}
    assert told(cut_short, both) == {"raises TimeoutError at 1; no notes"}


def test_a_task_that_has_not_started_runs_to_its_first_checkpoint():
    program = Program((group((CleanUp((Checkpoint(), Fail())),), body=(CancelGroup(),)),))

    for dialect in DIALECTS.values():
        assert told(program, dialect) == {"returns at 0; cleaned1 at 0, main at 0"}
    assert told(program, SHUFFLED) == {
        "returns at 0; cleaned1 at 0, main at 0",
        "raises {failure1} at 0; cleaned1 at 0",
    }


def test_timers_of_one_instant_fire_before_anybody_runs_unless_callbacks_are_late():
    program = Program((Scope(1, False, (Sleep(1), Checkpoint(), Fail())),))

    assert told(program) == {"returns at 1; main at 1"}
    assert told(program, ANYIO_ON_ASYNCIO) == {"returns at 1; main at 1"}
    assert told(program, SHUFFLED) == {
        "returns at 1; main at 1",
        "raises failure1 at 1; no notes",
    }


def test_a_stall_lets_a_deadline_pass_before_a_task_that_could_run():
    program = Program((Scope(1, True, (Checkpoint(), Checkpoint())), Sleep(1)))

    assert told(program) == {"returns at 1; main at 1"}
    assert told(program, TRIO.stalling()) == {
        "returns at 1; main at 1",
        "raises TimeoutError at 1; no notes",
    }


def test_a_stall_may_last_until_the_timer_of_a_sleep_that_was_cancelled():
    program = Program((Scope(1, False, (Sleep(2),)),))

    assert told(program) == {"returns at 1; main at 1"}
    assert told(program, TRIO.stalling()) == {"returns at 1; main at 1", "returns at 2; main at 2"}


@PLAIN
@given(task_trees())
def test_names_are_those_of_the_source(program):
    flow = compile_program(program)
    source = program.source()
    named = set()
    for task in flow.tasks:
        ahead = [task.begin]
        while ahead:
            place = ahead.pop()
            named.add(place.name)
            ahead += [each for each in (place.next,) if each is not None]
    written = re.findall(r"(?:note|PlannedError)\('(\w+)'\)", source)

    assert sorted(named - {""}) == sorted(written)
    assert [task.name for task in flow.tasks] == ["main", *re.findall(r"def (task\d+)", source)]


@pytest.mark.parametrize("dialect", EVERY)
def test_no_outcome_is_lost_where_moves_are_not_tried_in_every_order(dialect):
    @settings(PLAIN, max_examples=150)
    @given(task_trees())
    def agrees(program):
        every = outcomes(program, EVERY[dialect], limit=500, reduced=False)
        if every.complete:
            reduced = outcomes(program, EVERY[dialect], limit=500)
            assert set(reduced.found) == set(every.found)
            assert reduced.states <= every.states

    agrees()


def test_an_outcome_that_is_lost_would_be_noticed(monkeypatch):
    program, expected = KNOWN["tasks go in any order"]

    def hasty(flow, dialect, state):
        return next(iter(moves(flow, dialect, state)), None)

    monkeypatch.setattr("properties.reference.walk.quiet_move", hasty)

    assert told(program) < expected
    assert {str(each) for each in outcomes(program, reduced=False).found} == expected


@pytest.mark.parametrize("dialect", EVERY)
def test_every_outcome_that_is_found_is_allowed_and_its_distortions_are_refused(dialect):
    spoken = EVERY[dialect]

    @settings(PLAIN, max_examples=60)
    @given(task_trees())
    def agrees(program):
        found = outcomes(program, spoken, limit=1_000)
        for outcome in found.found[:5]:
            assert allows(program, outcome, spoken) is Verdict.ALLOWED
        if found.complete:
            for outcome in found.found[:5]:
                late = replace(outcome, ended=outcome.ended + 1)
                if late not in found.found:
                    assert allows(program, late, spoken) is Verdict.REFUSED
                lost = replace(outcome, raised="failure99")
                assert allows(program, lost, spoken) is Verdict.REFUSED

    agrees()


def test_a_limit_that_was_reached_is_told():
    program = Program((group(*[(Checkpoint(), Fail())] * 3),))

    assert not outcomes(program, limit=3).complete
    assert outcomes(program).complete
    assert allows(program, Outcome("failure9", 0, ()), limit=3) is Verdict.UNDECIDED
    assert allows(program, Outcome("failure9", 0, ())) is Verdict.REFUSED


def test_outcomes_come_in_one_order_in_every_process():
    script = (
        "from properties import Program\n"
        "from properties.reference import outcomes\n"
        "from properties.strategies.programs import *\n"
        "task = (Scope(0, False, (Checkpoint(),)), WithLock(1, (Sleep(1),)))\n"
        "found = outcomes(Program((Group((task, task, (Sleep(1), Fail())), ()),)))\n"
        "print(found.states, *found.found, sep='\\n')\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "012"
    }

    assert len(printed) == 1
    assert printed.pop().count("\n") > 3
