"""Which histories a sequential model explains, and what is shown of those that none does."""

from __future__ import annotations

import itertools

import pytest

from properties.linearizability import (
    Call,
    Ending,
    History,
    NotLinearizableError,
    SearchLimitError,
    assert_linearizable,
    check_linearizability,
)
from properties.models import (
    ANY,
    BarrierModel,
    ConditionModel,
    CounterModel,
    LockModel,
    Model,
    PriorityQueueModel,
    QueueModel,
    Raised,
    RegisterModel,
    SemaphoreModel,
    SetModel,
)
from simclock import UsageError


def history(*lines):
    """Calls from ``(task, start, end, name, args, response)``; end ``None`` is open, ``-n`` cut off at n."""
    calls = []
    for task, start, end, name, args, response in lines:
        if end is None:
            calls.append(Call(task, name, args, start, None, Ending.OPEN))
        elif end < 0:
            calls.append(Call(task, name, args, start, -end, Ending.CUT_OFF))
        else:
            calls.append(Call(task, name, args, start, end, Ending.RETURNED, response))
    return History(calls)


def explained(model, *lines):
    return check_linearizability(history(*lines), model).explained


def test_a_read_may_see_a_write_that_overlaps_it_or_not():
    write = ("w", 1, 4, "write", ("k", 1), None)

    assert explained(RegisterModel(), write, ("r", 2, 3, "read", ("k",), 1))
    assert explained(RegisterModel(), write, ("r", 2, 3, "read", ("k",), None))


def test_a_read_after_a_write_has_to_see_it():
    assert not explained(
        RegisterModel(), ("w", 1, 2, "write", ("k", 1), None), ("r", 3, 4, "read", ("k",), None)
    )


def test_two_reads_in_a_row_cannot_see_new_and_then_old():
    assert not explained(
        RegisterModel(),
        ("w", 1, 8, "write", ("k", 1), None),
        ("r", 2, 3, "read", ("k",), 1),
        ("s", 4, 5, "read", ("k",), None),
    )


def test_keys_are_decided_one_by_one():
    verdict = check_linearizability(
        history(
            ("a", 1, 2, "write", ("x", 1), None),
            ("b", 3, 4, "read", ("x",), 1),
            ("b", 5, 6, "read", ("y",), 7),
        ),
        RegisterModel(),
    )

    assert verdict.part == "y"
    assert [call.args for call in verdict.unexplained] == [("y",)]


@pytest.mark.parametrize("end", [None, -2])
def test_a_call_that_was_cut_off_may_have_happened_or_not(end):
    cut_off = ("w", 1, end, "write", ("k", 1), None)

    assert explained(RegisterModel(), cut_off, ("r", 3, 4, "read", ("k",), None))
    assert explained(RegisterModel(), cut_off, ("r", 3, 4, "read", ("k",), 1))


def test_an_open_call_may_take_effect_late_and_one_cut_off_only_before_its_end():
    reads = (("r", 3, 4, "read", ("k",), None), ("r", 5, 6, "read", ("k",), 1))

    assert explained(RegisterModel(), ("w", 1, None, "write", ("k", 1), None), *reads)
    assert not explained(RegisterModel(), ("w", 1, -2, "write", ("k", 1), None), *reads)


def test_two_holders_of_a_lock_have_no_order():
    assert not explained(
        LockModel(),
        ("a", 1, 2, "acquire", (), True),
        ("b", 3, 4, "acquire", (), True),
        ("a", 5, 6, "release", (), None),
    )


def test_a_lock_refuses_the_release_of_another_task():
    taken = ("a", 1, 2, "acquire", (), True)

    assert explained(LockModel(), taken, ("b", 3, 4, "release", (), Raised(RuntimeError)))
    assert not explained(LockModel(), taken, ("b", 3, 4, "release", (), None))


def test_a_semaphore_lends_no_more_than_it_has():
    two = [("a", 1, 2, "acquire", (), None), ("b", 3, 4, "acquire", (), None)]

    assert explained(SemaphoreModel(2), *two)
    assert not explained(SemaphoreModel(1), *two)
    assert explained(SemaphoreModel(1), *two[:1], ("b", 3, 4, "try_acquire", (), False))


def test_a_queue_gives_each_item_once_and_in_order():
    puts = [("a", 1, 2, "put", (1,), None), ("a", 3, 4, "put", (2,), None)]

    assert explained(QueueModel(), *puts, ("b", 5, 6, "get", (), 1), ("b", 7, 8, "get", (), 2))
    assert not explained(QueueModel(), *puts, ("b", 5, 6, "get", (), 2))
    assert not explained(QueueModel(), *puts, ("b", 5, 6, "get", (), 1), ("b", 7, 8, "get", (), 1))


def test_a_queue_is_empty_only_if_it_is():
    put = ("a", 1, 2, "put", (1,), None)

    assert not explained(QueueModel(), put, ("b", 3, 4, "get_nowait", (), Raised(LookupError)))
    assert explained(QueueModel(), put, ("b", 3, 4, "get", (), 1), ("b", 5, 6, "empty", (), True))


def test_a_closed_queue_gives_what_it_has_and_then_raises():
    calls = [
        ("a", 1, 2, "put", (1,), None),
        ("a", 3, 4, "close", (), None),
        ("a", 5, 6, "put", (2,), Raised(RuntimeError)),
        ("b", 7, 8, "get", (), 1),
        ("b", 9, 10, "get", (), Raised(RuntimeError)),
    ]

    assert explained(QueueModel(), *calls)
    assert not explained(QueueModel(), *calls[:3], ("b", 7, 8, "get", (), Raised(RuntimeError)))


def test_the_put_of_a_rendezvous_ends_after_its_get_began():
    assert explained(QueueModel(0), ("a", 1, 4, "put", (1,), None), ("b", 2, 3, "get", (), 1))
    assert not explained(QueueModel(0), ("a", 1, 2, "put", (1,), None), ("b", 3, 4, "get", (), 1))


def test_a_priority_queue_gives_the_smallest_first_and_equals_in_order():
    puts = [
        ("a", i, i + 1, "put", (item,), None)
        for i, item in ((1, (2, "x")), (3, (1, "y")), (5, (1, "z")))
    ]
    gets = lambda *items: [("b", 7 + 2 * i, 8 + 2 * i, "get", (), x) for i, x in enumerate(items)]  # noqa: E731

    assert explained(PriorityQueueModel(), *puts, *gets((1, "y"), (1, "z"), (2, "x")))
    assert not explained(PriorityQueueModel(), *puts, *gets((1, "z")))
    assert not explained(PriorityQueueModel(), *puts, *gets((2, "x")))


def test_a_counter_loses_no_addition():
    adds = [("a", 1, 4, "fetch_and_add", (), 0), ("b", 2, 3, "fetch_and_add", (), 1)]

    assert explained(CounterModel(), *adds, ("a", 5, 6, "value", (), 2))
    assert not explained(CounterModel(), *adds, ("a", 5, 6, "value", (), 1))
    assert not explained(CounterModel(), adds[0], ("b", 2, 3, "fetch_and_add", (), 0))


def test_a_set_adds_an_element_once():
    assert explained(
        SetModel(), ("a", 1, 3, "add", ("x",), True), ("b", 2, 4, "add", ("x",), False)
    )
    assert not explained(
        SetModel(), ("a", 1, 3, "add", ("x",), True), ("b", 2, 4, "add", ("x",), True)
    )
    assert not explained(SetModel(), ("a", 1, 2, "add", ("x",), True), ("a", 3, 4, "size", (), 0))


CONDITION = [
    ("a", 1, 2, "acquire", (), None),
    ("a", 3, 12, "wait", (), None),
    ("b", 4, 5, "acquire", (), None),
    ("b", 6, 7, "notify", (), None),
    ("b", 8, 9, "release", (), None),
]


def test_a_condition_gives_the_lock_up_while_it_waits():
    assert explained(ConditionModel(), *CONDITION)


def test_a_condition_has_the_lock_back_only_when_it_is_free():
    calls = [*CONDITION[:4], ("b", 13, 14, "release", (), None)]

    assert not explained(ConditionModel(), *calls)


def test_a_condition_is_not_woken_without_a_notification():
    assert not explained(ConditionModel(), *(c for c in CONDITION if c[3] != "notify"))


def test_a_condition_that_was_cut_off_passes_its_notification_on():
    waiters = [
        ("a", 1, 2, "acquire", (), None),
        ("a", 3, -20, "wait", (), None),
        ("c", 4, 5, "acquire", (), None),
        ("c", 6, 30, "wait", (), None),
        ("b", 7, 8, "acquire", (), None),
        ("b", 9, 10, "notify", (), None),
        ("b", 11, 12, "release", (), None),
        ("a", 21, 22, "release", (), None),
    ]

    assert explained(ConditionModel(), *waiters)
    assert not explained(ConditionModel(), *waiters, ("c", 31, 32, "acquire", (), None))


def test_a_barrier_opens_for_all_its_parties_at_once():
    assert explained(BarrierModel(2), ("a", 1, 3, "wait", (), 0), ("b", 2, 4, "wait", (), 1))
    assert not explained(BarrierModel(2), ("a", 1, 3, "wait", (), 0), ("b", 2, 4, "wait", (), 0))
    assert not explained(BarrierModel(2), ("a", 1, 2, "wait", (), 0))


def test_a_party_that_leaves_breaks_the_barrier_or_steps_back():
    calls = [("a", 1, -4, "wait", (), None), ("b", 5, 8, "wait", (), 0), ("c", 6, 7, "wait", (), 1)]
    broken = [("a", 1, -4, "wait", (), None), ("b", 2, 6, "wait", (), Raised(RuntimeError))]

    assert explained(BarrierModel(2, cut_off="steps back"), *calls)
    assert explained(BarrierModel(3), *broken)
    assert not explained(BarrierModel(3, cut_off="steps back"), *broken)


def test_the_picture_shows_lanes_intervals_and_where_no_order_works():
    calls = history(
        ("writer", 1, 2, "write", ("k", 1), None),
        ("writer", 3, 8, "write", ("k", 2), None),
        ("reader", 4, 5, "read", ("k",), 2),
        ("other", 6, 7, "read", ("k",), 1),
        ("other", 9, 10, "read", ("k",), 2),
    )

    with pytest.raises(NotLinearizableError) as caught:
        assert_linearizable(calls, RegisterModel())

    assert str(caught.value) == (
        "no order of these calls is one of RegisterModel for 'k':\n"
        "  writer  ├ write('k', 1) ┤ ├ write('k', 2) ──────────────────────…\n"
        "  reader                      ├ read('k') → 2 ┤\n"
        "  other                                         ├ read('k') → 1 ┤\n"
        "                                 no order works past this point ▲\n"
        "\n"
        "without that call, this order works:\n"
        "  1. writer: write('k', 1)\n"
        "  2. writer: write('k', 2)\n"
        "  3. reader: read('k') → 2\n"
        "state: {'k': 2}\n"
        "There other: read('k') would have to give 2."
    )


def test_calls_that_have_nothing_to_do_with_it_are_left_out_of_the_picture():
    calls, clock = [], itertools.count(1)
    for item in range(50):
        calls.append(("a", next(clock), next(clock), "put", (item,), None))
        calls.append(("b", next(clock), next(clock), "get", (), item))
        calls.append(("b", next(clock), next(clock), "qsize", (), 0))
    calls.append(("b", next(clock), next(clock), "get", (), 17))

    verdict = check_linearizability(history(*calls), QueueModel())

    assert [str(call) for call in verdict.unexplained] == ["put(17)", "get() → 17", "get() → 17"]


def test_a_picture_wider_than_a_screen_uses_numbers_and_a_legend():
    calls = [("a", i, i + 1, "put", (f"item number {i}",), None) for i in range(1, 14, 2)]
    verdict = check_linearizability(
        history(*calls, ("b", 20, 21, "get", (), "item number 13")), QueueModel()
    )

    lanes, _, legend = verdict.picture().partition("no order works")

    assert max(map(len, lanes.splitlines())) <= 100
    assert "1  a: put('item number 1')\n" in legend


def test_histories_with_many_calls_at_once_are_decided_within_a_limit():
    calls = [(f"t{i}", i, 100 + i, "add", (2**i,), None) for i in range(1, 9)]
    calls.append(("reader", 9, 50, "value", (), -1))

    with pytest.raises(SearchLimitError, match="100 configurations did not decide"):
        check_linearizability(history(*calls), CounterModel(), configurations=100)


def test_a_call_that_ends_before_it_starts_is_refused():
    with pytest.raises(
        UsageError, match="starts at 5 and ends at 3: the end of a call comes after"
    ):
        Call("a", "put", (1,), 5, 3)


def test_a_call_without_an_end_has_to_be_open():
    with pytest.raises(UsageError, match="has an end unless it is open"):
        Call("a", "put", (1,), 5)


def test_two_events_at_one_place_are_refused():
    with pytest.raises(UsageError, match="give each start and each end a place of its own"):
        history(("a", 1, 2, "put", (1,), None), ("b", 2, 3, "put", (2,), None))


def test_a_model_that_is_not_deterministic_is_refused():
    class Moody(Model):
        def __init__(self):
            self.count = itertools.count()

        def initial(self):
            return 0

        def apply(self, state, request):
            return state, next(self.count)

    with pytest.raises(UsageError, match="Moody is not deterministic: asked twice for get"):
        explained(Moody(), ("a", 1, 2, "get", (), 0))


def test_a_state_that_cannot_be_hashed_is_refused():
    class Listy(Model):
        def initial(self):
            return []

        def apply(self, state, request):
            return state, ANY

    with pytest.raises(UsageError, match=r"is not hashable: \[\]; use tuples for lists"):
        explained(Listy(), ("a", 1, 2, "get", (), 0))


def test_an_answer_that_is_no_pair_is_refused():
    class Terse(Model):
        def initial(self):
            return 0

        def apply(self, state, request):
            return state

    with pytest.raises(UsageError, match=r"it returns \(next state, response\), or None"):
        explained(Terse(), ("a", 1, 2, "get", (), 0))


def test_a_call_that_the_model_does_not_know_is_refused_with_those_it_knows():
    with pytest.raises(UsageError, match="LockModel knows acquire, try_acquire, release, locked"):
        explained(LockModel(), ("a", 1, 2, "lock", (), None))


def test_what_is_no_model_is_refused():
    with pytest.raises(UsageError, match="an object of a subclass of Model"):
        explained(dict, ("a", 1, 2, "get", (), 0))
