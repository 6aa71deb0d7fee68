"""Strategies draw what they say, shrink to what is simple, and print as readable code."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

import concurrency
import simclock
from properties import (
    BarrierModel,
    ConditionModel,
    Fault,
    FaultPlan,
    LockModel,
    PriorityQueueModel,
    Program,
    QueueModel,
    SemaphoreModel,
    check_linearizability,
    fault_plans,
    histories,
    schedules,
    simulate,
    task_trees,
    timings,
)
from properties.strategies.programs import Fail, Group, PlannedError, Scope, Sleep
from simclock import UsageError

PLAIN = settings(
    deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


def test_a_program_prints_as_the_code_it_runs_as():
    program = Program((Group(((Sleep(1), Fail()), ()), (Scope(0.5, True, (Sleep(2),)),)),))

    assert str(program) == (
        "async def main():\n"
        "    async def task1():\n"
        "        await sleep(1)\n"
        "        raise PlannedError('failure1')\n"
        "        note('task1')\n"
        "    async def task2():\n"
        "        pass\n"
        "        note('task2')\n"
        "    async with create_task_group() as group1:\n"
        "        group1.start_soon(task1)\n"
        "        group1.start_soon(task2)\n"
        "        with fail_after(0.5):\n"
        "            await sleep(2)\n"
        "    note('main')\n"
    )


@pytest.mark.parametrize("library", [anyio, concurrency])
def test_every_program_ends_under_every_schedule(backend, library):
    @settings(PLAIN, max_examples=120)
    @given(task_trees(), schedules(backend=backend))
    def ends(program, schedule):
        async def main():
            await program.main(library, lambda _: None)()

        try:
            simulate(schedule, main)
        except (PlannedError, TimeoutError, ExceptionGroup):
            pass

    ends()


def test_programs_of_every_kind_are_drawn():
    words = [
        "create_task_group",
        "move_on_after",
        "fail_after",
        "shield",
        "except",
        "finally",
        "locks[",
        "cancel()",
        "PlannedError",
        "sleep",
    ]
    seen = set()

    @settings(PLAIN, max_examples=200)
    @given(task_trees())
    def look(program):
        seen.update(word for word in words if word in str(program))

    look()

    assert seen == set(words)


def test_programs_shrink_to_what_matters():
    program = find(task_trees(), lambda p: "fail_after" in str(p), settings=PLAIN)

    assert str(program) == (
        "async def main():\n    with fail_after(1):\n        pass\n    note('main')\n"
    )


def test_notes_tell_what_was_reached(backend):
    notes = []
    program = Program((Scope(1, False, (Group(((Sleep(2),), ()), ()),)),))

    async def main():
        await program.main(anyio, notes.append)()

    simclock.run(main, backend=backend)

    assert notes == ["task2", "main"]


def test_a_library_that_lacks_names_is_refused():
    with pytest.raises(UsageError, match=r"math lacks CancelScope, Lock, checkpoint"):
        import math

        Program(()).main(math, print)


KINDS = {
    "lock": (LockModel(), [("acquire", ()), ("release", ()), ("try_acquire", ())]),
    "semaphore": (SemaphoreModel(2), [("acquire", ()), ("release", ())]),
    "queue": (QueueModel(1), [("put", (1,)), ("put", (2,)), ("get", ()), ("get_nowait", ())]),
    "rendezvous": (QueueModel(0), [("put", (1,)), ("put", (2,)), ("get", ())]),
    "priority queue": (PriorityQueueModel(), [("put", (1,)), ("put", (2,)), ("get", ())]),
    "condition": (
        ConditionModel(),
        [("acquire", ()), ("release", ()), ("wait", ()), ("notify", ())],
    ),
    "barrier": (BarrierModel(2), [("wait", ()), ("n_waiting", ())]),
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_histories_are_explained_by_their_model(kind):
    model, calls = KINDS[kind]
    drawn = []

    @settings(PLAIN, max_examples=80)
    @given(histories(model, st.sampled_from(calls)))
    def explained(history):
        drawn.append(len(history))
        assert check_linearizability(history, model).explained, str(list(map(str, history)))

    explained()

    assert max(drawn) >= 5


def test_timings_meet_each_other():
    assert find(timings(), lambda _: True, settings=PLAIN) == 1.0
    assert find(timings(most=0.2), lambda s: s > 0.1, settings=PLAIN) == 0.2


async def store(plan):
    stored = []

    async def write(value):
        stored.append(value)
        return len(stored)

    write = plan.wrap("write", write)
    outcomes = []
    for value in "ab":
        with anyio.move_on_after(5):
            try:
                outcomes.append(await write(value))
            except OSError as error:
                outcomes.append(str(error))
    return stored, outcomes, anyio.current_time()


@pytest.mark.parametrize(
    ("kind", "stored", "outcomes", "time"),
    [
        ("fails before", ["b"], ["planned fault of write, call 1", 1], 0),
        ("fails after", ["a", "b"], ["planned fault of write, call 1", 2], 0),
        ("is late", ["a", "b"], [1, 2], 2),
        ("hangs", ["b"], [1], 5),
    ],
)
def test_faults_befall_the_call_they_name(backend, kind, stored, outcomes, time):
    plan = FaultPlan((Fault("write", 1, kind, 2.0),))

    got_stored, got_outcomes, now = simclock.run(store, plan, backend=backend)

    assert (got_stored, got_outcomes) == (stored, outcomes)
    assert now - time == pytest.approx(0, abs=1e-6) or backend == "trio"


def test_fault_plans_shrink_to_the_one_that_matters():
    plan = find(
        fault_plans(["read", "write"]),
        lambda p: any(f.kind == "hangs" for f in p.faults),
        settings=PLAIN,
    )

    assert plan == FaultPlan((Fault("read", 1, "hangs", 1.0),))


@pytest.mark.parametrize(
    "make",
    [
        lambda: task_trees(depth=-1),
        lambda: timings(most=-1),
        lambda: fault_plans([]),
        lambda: histories(LockModel(), st.nothing(), tasks=0),
        lambda: Fault("write", 0, "hangs"),
        lambda: Fault("write", 1, "explodes"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(make):
    with pytest.raises(UsageError):
        make()
