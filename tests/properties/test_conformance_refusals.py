"""What a kit cannot examine, and an option it does not have, is refused with what would be right."""

from __future__ import annotations

import anyio
import pytest

from properties import conformance
from properties.conformance.kit import examine
from simclock import UsageError


def test_an_adapter_without_a_needed_method_is_refused():
    class Halfway:
        async def acquire(self): ...

    with pytest.raises(
        UsageError,
        match="a lock needs the methods acquire, release, and Halfway lacks release: write a small adapter",
    ):
        conformance.lock(Halfway)


def test_what_is_no_factory_is_refused():
    with pytest.raises(UsageError, match="a kit takes a factory that makes a new lock each time"):
        conformance.lock(7)


def test_a_promise_that_does_not_exist_is_refused():
    with pytest.raises(
        UsageError,
        match="the lock kit has no promise 'fast' to go without; it has 'exclusion'",
    ):
        conformance.lock(anyio.Lock, without=["fast"])


def test_a_style_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="style is 'anyio' or 'asyncio'"):
        conformance.lock(anyio.Lock, style="curio")


def test_promises_come_as_a_tuple():
    with pytest.raises(UsageError, match=r"a tuple of promises, as in \('fair',\), not 'fair'"):
        conformance.lock(anyio.Lock, without="fair")


def test_promises_are_several():
    with pytest.raises(UsageError, match=r"without takes a tuple of promises, as in .*, not 7"):
        conformance.lock(anyio.Lock, without=7)


FACTS = [
    (conformance.semaphore, {"permits": 0}, "permits is a whole number from 1 to 20, not 0"),
    (conformance.semaphore, {"permits": "2"}, "permits is a whole number from 1 to 20, not '2'"),
    (conformance.limiter, {"tokens": 2.0}, "tokens is a whole number from 1 to 20, not 2.0"),
    (conformance.limiter, {"tokens": 21}, "of what has more, examine a smaller one"),
    (conformance.barrier, {"parties": 1}, "parties is a whole number from 2 to 20, not 1"),
    (conformance.barrier, {"parties": True}, "parties is a whole number from 2 to 20, not True"),
    (conformance.barrier, {"cut_off": "waits"}, "cut_off is 'breaks' or 'steps back', not 'waits'"),
    (conformance.queue, {"maxsize": -1}, "20, 0 for a queue that keeps none, or math.inf, not -1"),
    (conformance.queue, {"maxsize": None}, "or math.inf, not None"),
    (conformance.priority_queue, {"maxsize": 1.5}, "0 for one without a bound, or math.inf, not"),
    (conformance.priority_queue, {"maxsize": 21}, "examine a smaller one of the same kind"),
]


@pytest.mark.parametrize(("kit", "facts", "said"), FACTS)
def test_a_fact_that_cannot_be_is_refused(kit, facts, said):
    with pytest.raises(UsageError, match=said):
        kit(anyio.Lock, **facts)


def test_an_option_that_does_not_exist_is_refused():
    with pytest.raises(
        UsageError, match="the lock kit has no option 'schedule'; every kit has backend, schedules"
    ):
        conformance.lock(anyio.Lock, schedule=10)


def test_native_tasks_are_refused_on_trio():
    with pytest.raises(UsageError, match="style='asyncio' goes with backend='asyncio', not with"):
        conformance.lock(anyio.Lock, style="asyncio", backend=("asyncio", "trio"))


def test_no_backend_at_all_is_refused():
    with pytest.raises(UsageError, match="backend names one backend or several, and not none"):
        conformance.lock(anyio.Lock, backend=())


def test_a_kit_for_functions_refuses_what_cannot_be_called():
    with pytest.raises(
        UsageError, match="the factory of a race returns the function to examine, and this one"
    ):
        examine("race", lambda: 7, (), (), {})
