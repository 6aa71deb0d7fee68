"""The search for an order agrees with the definition, and stays cheap on long histories."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from properties.linearizability import (
    Call,
    Ending,
    History,
    check_linearizability,
)
from properties.models import (
    CounterModel,
    LockModel,
    PriorityQueueModel,
    QueueModel,
    Raised,
    RegisterModel,
    SemaphoreModel,
    SetModel,
)
from properties.models.base import matches

# Against the definition itself, on histories small enough to try every order.


def brute_force(calls, model):
    """Try all orders that keep calls apart which did not overlap, and all subsets of open calls."""
    needed = [c for c in calls if c.ending is Ending.RETURNED]
    maybe = [c for c in calls if c.ending is not Ending.RETURNED]
    for size in range(len(maybe) + 1):
        for chosen in itertools.combinations(maybe, size):
            for order in itertools.permutations([*needed, *chosen]):
                if _keeps_real_time(order) and _explains(order, model):
                    return True
    return False


def _keeps_real_time(order):
    return not any(
        later.end is not None and later.end < earlier.start
        for i, earlier in enumerate(order)
        for later in order[i + 1 :]
    )


def _explains(order, model):
    state = model.initial()
    for call in order:
        answer = model.apply(state, call.request())
        if answer is None:
            return False
        state, response = answer
        if call.ending is Ending.RETURNED and not matches(response, call.response):
            return False
    return True


CALLS = {
    "queue": (QueueModel(2), ["put", "get", "put_nowait", "get_nowait", "qsize"]),
    "priority queue": (PriorityQueueModel(), ["put", "get", "get_nowait"]),
    "register": (RegisterModel(), ["read", "write", "delete"]),
    "counter": (CounterModel(), ["add", "fetch_and_add", "value"]),
    "set": (SetModel(), ["add", "discard", "contains", "size"]),
    "lock": (LockModel(), ["acquire", "try_acquire", "release", "locked"]),
    "semaphore": (SemaphoreModel(1), ["acquire", "try_acquire", "release", "value"]),
}


@st.composite
def small_histories(draw, kind):
    names = CALLS[kind][1]
    places = draw(st.permutations(range(1, 11)))
    calls = []
    for i in range(draw(st.integers(1, 5))):
        name = draw(st.sampled_from(names))
        start, end = sorted(places[2 * i : 2 * i + 2])
        args = ()
        if kind == "register":
            args = (
                draw(st.sampled_from("xy")),
                *([draw(st.integers(0, 1))] if name == "write" else []),
            )
        elif name in {"put", "put_nowait"}:
            args = (draw(st.integers(0, 2)),)
        elif kind == "set" and name != "size":
            args = (draw(st.sampled_from("xy")),)
        ending = draw(
            st.sampled_from([Ending.RETURNED, Ending.RETURNED, Ending.OPEN, Ending.CUT_OFF])
        )
        response = draw(st.sampled_from([None, True, False, 0, 1, 2, Raised(ValueError)]))
        calls.append(
            Call(
                f"t{i}", name, args, start, None if ending is Ending.OPEN else end, ending, response
            )
        )
    return History(calls)


@pytest.mark.parametrize("kind", list(CALLS))
def test_the_search_agrees_with_trying_every_order(kind):
    model = CALLS[kind][0]

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(small_histories(kind))
    def agree(calls):
        assert check_linearizability(calls, model).explained == brute_force(list(calls), model)

    agree()


def generated(seed, tasks, count, model, draw_call, *, lies=0):
    """A history of ``count`` calls by ``tasks`` tasks that has an order, less ``lies``."""
    rng = random.Random(seed)
    calls, active, clock, started, state = [], {}, 0, 0, model.initial()
    while len(calls) < count:
        clock += 1
        step = rng.choice(("start", "act", "end"))
        if step == "start" and started < count:
            idle = [i for i in range(tasks) if i not in active]
            if idle:
                started += 1
                active[rng.choice(idle)] = [*draw_call(rng, started), clock, None, False]
        elif step == "act":
            todo = [i for i in active if not active[i][4]]
            if todo:
                entry = active[i := rng.choice(todo)]
                request = Call(f"t{i}", entry[0], entry[1], 1, 2).request()
                answer = model.apply(state, request)
                if answer is not None:
                    state, entry[3], entry[4] = *answer, True
        else:
            done = [i for i in active if active[i][4]]
            if done:
                name, args, start, response, _ = active.pop(i := rng.choice(done))
                calls.append(Call(f"t{i}", name, args, start, clock, Ending.RETURNED, response))
    return History(calls)


WORKLOADS = {
    "register": (RegisterModel(), lambda r, n: r.choice([("read", ("k",)), ("write", ("k", n))])),
    "queue": (QueueModel(), lambda r, n: r.choice([("put", (n,)), ("get_nowait", ())])),
    "counter": (CounterModel(), lambda r, n: r.choice([("add", (n % 3,)), ("value", ())])),
}


@pytest.mark.parametrize("kind", list(WORKLOADS))
def test_a_thousand_calls_of_eight_tasks_are_explained_with_few_configurations(kind):
    model, draw_call = WORKLOADS[kind]

    verdict = check_linearizability(generated(1, 8, 1000, model, draw_call), model)

    assert verdict.explained
    assert verdict.configurations < 100 * 1000


@pytest.mark.parametrize("kind", list(WORKLOADS))
def test_one_wrong_response_among_a_thousand_is_found(kind):
    model, draw_call = WORKLOADS[kind]
    calls = list(generated(2, 8, 1000, model, draw_call))
    reader = {"register": "read", "queue": "get_nowait", "counter": "value"}[kind]
    index = next(i for i in range(500, 1000) if calls[i].name == reader)
    calls[index] = replace(calls[index], response=-1)

    assert not check_linearizability(History(calls), model).explained
