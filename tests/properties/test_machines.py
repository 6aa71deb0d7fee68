"""Concurrent state machines: planted bugs are found, and shrunk to what matters."""

from __future__ import annotations

import unittest
from collections import deque

import pytest
from anyio import Event
from anyio.lowlevel import checkpoint
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase

from properties.linearizability import NotLinearizableError
from properties.machines import (
    ConcurrentStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_machine,
)
from properties.models import CounterModel, QueueModel
from simclock import DeadlockError
from simclock.errors import UsageError

PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
PLAIN = settings(deadline=None, database=None, derandomize=True, phases=PHASES, max_examples=300)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


class Counting(ConcurrentStateMachine):
    """A correct counter."""

    model = CounterModel()

    async def setup(self):
        self.count = 0

    @rule(n=st.integers(1, 9))
    async def fetch_and_add(self, n):
        await checkpoint()
        was, self.count = self.count, self.count + n
        return was


class TornCounting(Counting):
    """A planted bug: reads, waits, and writes."""

    @rule(n=st.integers(1, 9))
    async def fetch_and_add(self, n):
        was = self.count
        await checkpoint()
        self.count = was + n
        return was


class Queueing(ConcurrentStateMachine):
    """A correct queue: an item lies in it until a getter that runs takes it."""

    model = QueueModel()
    cancel = True
    cut_off = "never"
    patience = 10

    async def setup(self):
        self.items = deque()
        self.waiting = deque()

    def wake(self):
        if self.waiting:
            self.waiting.popleft().set()

    @rule(item=st.integers(0, 9))
    async def put_nowait(self, item):
        self.items.append(item)
        self.wake()

    @rule()
    async def get_nowait(self):
        return self.items.popleft()

    @rule()
    async def get(self):
        while not self.items:
            event = Event()
            self.waiting.append(event)
            try:
                await event.wait()
            except BaseException:
                if event in self.waiting:
                    self.waiting.remove(event)
                else:
                    self.wake()
                raise
        return self.items.popleft()


class LosingQueueing(Queueing):
    """A planted bug: an item is handed to a getter, which may be cut off before it wakes."""

    async def setup(self):
        await super().setup()
        self.boxes = deque()

    @rule(item=st.integers(0, 9))
    async def put_nowait(self, item):
        if self.boxes:
            event, box = self.boxes.popleft()
            box.append(item)
            event.set()
        else:
            self.items.append(item)

    @rule()
    async def get(self):
        if self.items:
            return self.items.popleft()
        waiter = event, box = Event(), []
        self.boxes.append(waiter)
        try:
            await event.wait()
        finally:
            if waiter in self.boxes:
                self.boxes.remove(waiter)
        return box[0]


def failure_of(machine, backend, expected=NotLinearizableError):
    with pytest.raises(expected) as caught:
        run_machine(machine, backend=backend, settings=settings(PLAIN, max_examples=2_000))
    return caught.value, "\n".join(getattr(caught.value, "__notes__", []))


def calls_in(report):
    return [
        line.strip().rstrip(",")
        for line in report.splitlines()
        if line.strip().startswith(("await machine.", "cancel(", "async def task_"))
    ]


def test_a_correct_counter_passes(backend):
    run_machine(Counting, backend=backend, settings=PLAIN)


def test_a_torn_counter_is_shrunk_to_two_tasks_with_a_call_each(backend):
    error, report = failure_of(TornCounting, backend)
    assert calls_in(report) == [
        "await machine.setup()",
        "async def task_1():  # at once with the others",
        "await machine.fetch_and_add(n=1)",
        "async def task_2():  # at once with the others",
        "await machine.fetch_and_add(n=1)",
    ]
    assert "no order of these calls is one of CounterModel" in str(error)
    assert "├ fetch_and_add(1)" in str(error)
    assert f"drawn by Hypothesis on {backend}" in report


def test_a_correct_queue_passes_although_calls_are_cut_off(backend):
    run_machine(Queueing, backend=backend, settings=PLAIN)


def test_an_item_lost_by_a_cut_off_get_is_shrunk_to_four_calls_of_two_tasks(backend):
    error, report = failure_of(LosingQueueing, backend)
    calls = calls_in(report)
    assert sorted(call for call in calls[1:] if "async def" not in call) == [
        "await machine.get()",
        "await machine.get_nowait()",
        "await machine.put_nowait(item=0)",
        "cancel(task_1)",
    ]
    assert [call for call in calls if "async def" in call] == [
        "async def task_1():  # at once with the others",
        "async def task_2():  # at once with the others",
    ]
    assert "There task_1: get_nowait() would have to give 0." in str(error)


class TwiceQueueing(Queueing):
    """A planted bug: looks at the first item, waits, and takes it away."""

    cancel = False
    # No rule any more.
    get = None

    @rule()
    async def get_nowait(self):
        item = self.items[0]
        await checkpoint()
        if self.items:
            self.items.popleft()
        return item


def test_an_item_given_twice_is_shrunk_to_three_calls(backend):
    _, report = failure_of(TwiceQueueing, backend)
    calls = calls_in(report)
    assert calls[1] == "await machine.put_nowait(item=0)"
    assert len([call for call in calls[2:] if call.startswith("await machine.get")]) == 2
    assert len(calls) == 6


def test_a_bug_of_one_task_is_shrunk_to_the_beginning(backend):
    class Forgetting(Counting):
        @rule(n=st.integers(1, 9))
        async def fetch_and_add(self, n):
            was, self.count = self.count, self.count + n + 1
            return was

    _, report = failure_of(Forgetting, backend)
    calls = calls_in(report)
    assert not [call for call in calls if "async def" in call]
    assert len(calls) == 3


def test_a_call_that_waits_for_ever_is_a_deadlock_without_patience(backend):
    class Waiting(Queueing):
        patience = None
        cancel = False

    _, report = failure_of(Waiting, backend, DeadlockError)
    assert calls_in(report)[1:] == ["await machine.get()"]


def test_one_task_alone_does_not_see_what_two_do(backend):
    run_machine(TornCounting, backend=backend, tasks=1, settings=PLAIN)


def test_an_example_that_failed_is_tried_first_and_only_for_its_own_machine():
    class Recalled(TornCounting):
        pass

    class Other(TornCounting):
        pass

    kept = settings(
        PLAIN, database=InMemoryExampleDatabase(), derandomize=False, max_examples=3_000
    )
    # Without an example to start from, the one that is tried is the simplest: no calls.
    once = settings(kept, phases=[Phase.reuse, Phase.generate], max_examples=1)
    run_machine(Recalled, settings=once)
    with pytest.raises(NotLinearizableError):
        run_machine(Recalled, settings=kept)
    run_machine(Other, settings=once)
    with pytest.raises(NotLinearizableError):
        run_machine(Recalled, settings=once)


def test_a_precondition_leaves_calls_out(backend):
    seen = []

    class Careful(Queueing):
        cancel = False

        @precondition(lambda self: self.items)
        @rule()
        async def get(self):
            seen.append(len(self.items))
            return self.items.popleft()

        @precondition(lambda self: self.items)
        @rule()
        async def get_nowait(self):
            return self.items.popleft()

    run_machine(Careful, backend=backend, settings=PLAIN)
    assert seen
    assert all(seen)


def test_an_invariant_is_held_after_each_call_of_the_beginning(backend):
    class Small(Counting):
        @invariant()
        def stays_small(self):
            assert self.count < 5, "too large"

    error, report = failure_of(Small, backend, AssertionError)
    assert "too large" in str(error)
    assert calls_in(report)[1:] == ["await machine.fetch_and_add(n=5)"]


def test_what_is_prepared_is_drawn_and_may_choose_the_model(backend):
    starts = set()

    class Prepared(Counting):
        model = None

        @initialize(start=st.integers(0, 3))
        async def begin(self, start):
            starts.add(start)
            self.count = start
            self.model = CounterModel(start)

    run_machine(Prepared, backend=backend, settings=PLAIN)
    assert starts == {0, 1, 2, 3}


def test_the_test_case_runs_under_unittest_with_settings():
    case = TornCounting.TestCase
    case.settings = PLAIN
    result = unittest.TestResult()
    case().run(result)
    assert len(result.failures) == 1
    assert "no order of these calls" in result.failures[0][1]
    assert Counting.TestCase is not case
    Counting.TestCase.settings = PLAIN
    result = unittest.TestResult()
    Counting.TestCase().run(result)
    assert result.wasSuccessful()
    assert result.testsRun == 1


def test_a_rule_has_to_be_async():
    with pytest.raises(UsageError, match="is not an async function: a rule runs beside others"):

        @rule()
        def put(self):
            pass


def test_a_rule_draws_each_of_its_parameters():
    with pytest.raises(UsageError, match="name a strategy for each"):

        @rule(thing=st.integers())
        async def put(self, item):
            pass


def test_a_rule_takes_strategies():
    with pytest.raises(UsageError, match=r"takes strategies, such as st.integers\(\), not item=3"):
        rule(item=3)


def test_a_machine_without_rules_is_refused():
    class Empty(ConcurrentStateMachine):
        model = CounterModel()

    with pytest.raises(UsageError, match="has no rules"):
        run_machine(Empty)


@pytest.mark.parametrize("model", [None, CounterModel])
def test_a_machine_without_a_model_is_refused(model):
    class Blind(Counting):
        pass

    Blind.model = model
    with pytest.raises(UsageError, match="an object of a subclass of Model"):
        run_machine(Blind, settings=PLAIN)


def test_a_machine_needs_a_task():
    with pytest.raises(UsageError, match="tasks and commands are whole numbers >= 1, not 0"):
        run_machine(Counting, tasks=0)


def test_only_a_machine_is_run():
    with pytest.raises(UsageError, match="takes a subclass of ConcurrentStateMachine, not 3"):
        run_machine(3)


def test_the_report_says_how_to_have_the_failure_again(backend):
    _, notes = failure_of(TornCounting, backend)

    again = notes.rpartition("replay: ")[2].splitlines()[0]
    assert again == "run_machine(TornCounting), which takes this example from the database first"
