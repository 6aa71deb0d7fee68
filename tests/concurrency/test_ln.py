"""List calls: in order, within limits, failing loudly, cancelled whole."""

from __future__ import annotations

import functools
import itertools
import math
import threading

import anyio
import pytest
from anyio.lowlevel import checkpoint

from concurrency.ln import Unset, alcall, bcall


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


async def double(number):
    await checkpoint()
    return number * 2


async def results_keep_the_order_of_the_input():
    async def slower_first(number):
        for _ in range(5 - number):
            await checkpoint()
        return number

    assert await alcall(range(5), slower_first) == [0, 1, 2, 3, 4]
    assert await alcall(range(5), slower_first, max_concurrent=2) == [0, 1, 2, 3, 4]
    assert await alcall([], slower_first) == []
    assert await alcall(iter([1, 2]), double) == [2, 4]


def test_results_keep_the_order_of_the_input(backend):
    anyio.run(results_keep_the_order_of_the_input, backend=backend)


async def anything_that_is_called_and_awaited_will_do():
    class Doubler:
        async def __call__(self, number):
            return await double(number)

    assert await alcall([1], Doubler()) == [2]
    assert await alcall([1], functools.partial(double)) == [2]
    assert await alcall([1], lambda number: double(number)) == [2]  # noqa: PLW0108
    assert await alcall([1], str) == ["1"]
    assert await alcall([1], lambda _: threading.get_ident()) != [threading.get_ident()]


def test_anything_that_is_called_and_awaited_will_do(backend):
    anyio.run(anything_that_is_called_and_awaited_will_do, backend=backend)


async def keywords_go_to_the_function_also_timeout():
    async def fetch(item, *, timeout, limit):
        return item, timeout, limit

    assert await alcall([1], fetch, timeout=5, limit=2) == [(1, 5, 2)]


def test_keywords_go_to_the_function_also_timeout(backend):
    anyio.run(keywords_go_to_the_function_also_timeout, backend=backend)


async def lists_are_shaped_on_the_way_in_and_out():
    async def same(item):
        return item

    async def twice(item):
        return [item, item]

    nested = [1, [2, [None, 2]], (3, 3), Unset]
    assert await alcall(nested, same, input_flatten=True) == [1, 2, None, 2, (3, 3), Unset]
    assert await alcall(nested, same, input_flatten=True, input_dropna=True) == [1, 2, 2, (3, 3)]
    assert await alcall(
        nested,
        same,
        input_flatten=True,
        input_flatten_tuple_set=True,
        input_dropna=True,
        input_unique=True,
    ) == [1, 2, 3]
    assert await alcall([[1], [1], [2]], same, input_unique=True) == [[1], [2]]
    assert await alcall([1, 2], twice) == [[1, 1], [2, 2]]
    assert await alcall([1, 2], twice, output_flatten=True, output_unique=True) == [1, 2]
    assert await alcall([1, None], same, output_dropna=True) == [1]
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert await alcall([deep, 1], same, input_flatten=True) == [1]


def test_lists_are_shaped_on_the_way_in_and_out(backend):
    anyio.run(lists_are_shaped_on_the_way_in_and_out, backend=backend)


async def what_is_no_list_is_one_item():
    async def same(item):
        return item

    class Record:
        """Iterable over its fields, and yet one thing."""

        def __iter__(self):
            return iter(["field"])

    record = Record()
    for single in ("text", b"bytes", 5, None, {"a": 1}, record):
        assert await alcall(single, same) == [single]
    assert await alcall({1: 2}.items(), same) == [(1, 2)]


def test_what_is_no_list_is_one_item(backend):
    anyio.run(what_is_no_list_is_one_item, backend=backend)


# --- pace


async def no_more_calls_at_a_time_than_allowed():
    async def peak_and_order(limit, expected):
        running = peak = 0
        order = []
        full = anyio.Event()

        async def work(number):
            nonlocal running, peak
            running += 1
            peak = max(peak, running)
            order.append(number)
            if running == expected:
                full.set()
            await full.wait()
            await checkpoint()
            running -= 1

        await alcall(range(20), work, max_concurrent=limit)
        return peak, order

    assert await peak_and_order(3, 3) == (3, list(range(20)))
    assert await peak_and_order(1, 1) == (1, list(range(20)))
    assert await peak_and_order(None, 20) == (20, list(range(20)))


def test_no_more_calls_at_a_time_than_allowed(backend):
    anyio.run(no_more_calls_at_a_time_than_allowed, backend=backend)


async def starts_are_spaced_and_delayed():
    starts = []

    async def work(_):
        starts.append(anyio.current_time())

    begun = anyio.current_time()
    await alcall(range(4), work, throttle_period=0.003, delay_before_start=0.004)
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert starts[0] - begun >= 0.004
    assert min(gaps) >= 0.003, gaps


def test_starts_are_spaced_and_delayed(backend):
    anyio.run(starts_are_spaced_and_delayed, backend=backend)


# --- failure


async def a_failure_cancels_the_rest_and_comes_in_a_group():
    cancelled = []

    async def work(number):
        try:
            if number == 1:
                raise ValueError("planted")
            await anyio.sleep_forever()
        finally:
            cancelled.append(number)

    with pytest.raises(ExceptionGroup, match="1 of 3 calls") as caught:
        await alcall(range(3), work)
    assert [str(each) for each in caught.value.exceptions] == ["planted"]
    assert sorted(cancelled) == [0, 1, 2]


def test_a_failure_cancels_the_rest_and_comes_in_a_group(backend):
    anyio.run(a_failure_cancels_the_rest_and_comes_in_a_group, backend=backend)


async def naive_alcall(items, func, *, return_exceptions):
    """Keep whatever is raised, cancellation among it."""
    results = [None] * len(items)

    async def one(place, item):
        try:
            results[place] = await func(item)
        except BaseException as exc:
            results[place] = exc

    async with anyio.create_task_group() as tg:
        for place, item in enumerate(items):
            tg.start_soon(one, place, item)
    return results


async def exceptions_are_results_and_exits_are_not(call):
    async def work(number):
        if number == 0:
            raise ValueError("planted")
        if number == 2:
            raise SystemExit(3)
        return number

    error, one = await call([0, 1], work, return_exceptions=True)
    assert isinstance(error, ValueError)
    assert one == 1
    with pytest.raises(SystemExit):
        await call([2], work, return_exceptions=True)


async def cancellation_is_no_result(call):
    """The caller must feel its cancellation in the call, with no result in hand."""
    results = None
    with anyio.CancelScope() as scope:

        async def work(_):
            scope.cancel()
            await anyio.sleep_forever()

        results = await call([1, 2], work, return_exceptions=True)
    assert results is None
    assert scope.cancelled_caught


@pytest.mark.parametrize(
    "scenario", [exceptions_are_results_and_exits_are_not, cancellation_is_no_result]
)
def test_only_exceptions_are_results(backend, scenario):
    anyio.run(scenario, alcall, backend=backend)


def test_a_call_that_keeps_exits_as_results_is_caught(backend):
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        anyio.run(exceptions_are_results_and_exits_are_not, naive_alcall, backend=backend)


def test_a_call_that_keeps_cancellation_as_a_result_is_caught():
    with pytest.raises(AssertionError):
        anyio.run(cancellation_is_no_result, naive_alcall, backend="trio")


def test_native_cancellation_ends_all_calls():
    import asyncio

    async def main():
        ended = []

        async def work(number):
            try:
                await anyio.sleep_forever()
            finally:
                ended.append(number)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.002):
                await alcall(range(3), work, return_exceptions=True, retry_attempts=5)
        assert sorted(ended) == [0, 1, 2]

    asyncio.run(main())


def test_a_call_that_was_cancelled_by_others_is_an_error_not_a_gap():
    import asyncio

    async def main():
        future = asyncio.get_running_loop().create_future()
        future.cancel()

        async def work(number):
            return await future if number else number

        zero, error = await alcall(range(2), work, return_exceptions=True)
        assert zero == 0
        assert isinstance(error, anyio.TaskCancelled)
        with pytest.raises(ExceptionGroup):
            await alcall(range(2), work)

    asyncio.run(main())


# --- retry


class Flaky:
    """Fails a number of times, then succeeds."""

    def __init__(self, failures):
        self.left = failures
        self.instants = []

    async def __call__(self, item):
        self.instants.append(anyio.current_time())
        if self.left:
            self.left -= 1
            raise ValueError("flaky")
        return item


async def attempts_are_extra_and_delays_grow():
    flaky = Flaky(2)
    assert await alcall(
        [7], flaky, retry_attempts=2, retry_initial_delay=0.002, retry_backoff=3
    ) == [7]
    first, second = (b - a for a, b in itertools.pairwise(flaky.instants))
    assert first >= 0.0015
    assert second >= 0.0055
    flaky = Flaky(2)
    with pytest.raises(ExceptionGroup):
        await alcall([7], flaky, retry_attempts=1)
    assert len(flaky.instants) == 2
    assert await alcall([7], Flaky(1), retry_default=None) == [None]


def test_attempts_are_extra_and_delays_grow(backend):
    anyio.run(attempts_are_extra_and_delays_grow, backend=backend)


async def no_delay_is_begun_that_outlasts_the_deadline():
    flaky = Flaky(1)
    with pytest.raises(ExceptionGroup) as caught, anyio.fail_after(5):
        await alcall([7], flaky, retry_attempts=1, retry_initial_delay=10)
    assert isinstance(caught.value.exceptions[0], ValueError)
    assert len(flaky.instants) == 1


def test_no_delay_is_begun_that_outlasts_the_deadline(backend):
    anyio.run(no_delay_is_begun_that_outlasts_the_deadline, backend=backend)


async def many_attempts_do_not_overflow():
    flaky = Flaky(1100)
    assert await alcall(
        [7], flaky, retry_attempts=1100, retry_initial_delay=0, retry_backoff=2
    ) == [7]


def test_many_attempts_do_not_overflow(backend):
    anyio.run(many_attempts_do_not_overflow, backend=backend)


async def the_timeout_is_per_attempt():
    attempts = []

    async def slow_once(item):
        attempts.append(item)
        if len(attempts) == 1:
            await anyio.sleep_forever()
        return item

    assert await alcall([7], slow_once, retry_timeout=0.003, retry_attempts=1) == [7]
    assert attempts == [7, 7]


def test_the_timeout_is_per_attempt(backend):
    anyio.run(the_timeout_is_per_attempt, backend=backend)


async def naive_timed_call(items, func, *, retry_timeout):
    """Call the blocking function where no timeout can reach it."""
    results = []
    for item in items:
        with anyio.fail_after(retry_timeout):  # noqa: ASYNC100 - That is the bug.
            results.append(func(item))
    return results


async def a_blocking_function_is_timed_out(call, gate):
    with pytest.raises(ExceptionGroup) as caught:
        await call([0.05], gate.wait, retry_timeout=0.005)
    assert isinstance(caught.value.exceptions[0], TimeoutError)


def test_a_blocking_function_is_timed_out(backend):
    gate = threading.Event()
    try:
        anyio.run(a_blocking_function_is_timed_out, alcall, gate, backend=backend)
    finally:
        gate.set()


def test_a_timeout_that_cannot_reach_the_function_is_caught(backend):
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        anyio.run(
            a_blocking_function_is_timed_out, naive_timed_call, threading.Event(), backend=backend
        )


# --- batches


async def batches_come_one_by_one():
    begun = []

    async def work(number):
        begun.append(number)
        return number * 10

    batches = bcall(itertools.count(), work, 3)
    assert await anext(batches) == [0, 10, 20]
    assert begun == [0, 1, 2]
    assert await anext(batches) == [30, 40, 50]
    await batches.aclose()
    assert begun == [0, 1, 2, 3, 4, 5]
    assert [b async for b in bcall([1, 2, [3]], work, batch_size=2, input_flatten=True)] == [
        [10, 20],
        [30],
    ]
    assert [b async for b in bcall([1, 1], double, 2, output_unique=True)] == [[2]]


def test_batches_come_one_by_one(backend):
    anyio.run(batches_come_one_by_one, backend=backend)


# --- wrong arguments


WRONG = [
    ({"max_concurrent": 0}, ValueError, "max_concurrent must be 1 or more"),
    ({"max_concurrent": -1}, ValueError, "max_concurrent"),
    ({"max_concurrent": 1.5}, TypeError, "max_concurrent"),
    ({"retry_attempts": -1}, ValueError, "retry_attempts"),
    ({"retry_backoff": 0}, ValueError, "retry_backoff"),
    ({"retry_backoff": math.inf}, ValueError, "retry_backoff"),
    ({"retry_initial_delay": -1}, ValueError, "retry_initial_delay"),
    ({"retry_timeout": math.nan}, ValueError, "retry_timeout"),
    ({"throttle_period": -1}, ValueError, "throttle_period"),
    ({"delay_before_start": "1"}, TypeError, "delay_before_start"),
    ({"input_flatten_tuple_set": True}, ValueError, "needs input_flatten=True"),
    ({"output_flatten_tuple_set": True}, ValueError, "needs output_flatten=True"),
]


@pytest.mark.parametrize(("options", "error", "text"), WRONG)
def test_wrong_options_are_refused_before_anything_starts(backend, options, error, text):
    called = []

    async def main():
        with pytest.raises(error, match=text):
            await alcall([1], called.append, **options)
        with pytest.raises(error, match=text):
            bcall([1], called.append, 1, **options)

    anyio.run(main, backend=backend)
    assert called == []


def test_wrong_inputs_are_refused(backend):
    async def endless():
        yield

    async def main():
        with pytest.raises(TypeError, match="bounded_map"):
            await alcall(endless(), double)
        with pytest.raises(TypeError, match="takes a function"):
            await alcall([1], 5)
        coroutine = double(1)
        with pytest.raises(TypeError, match=r"write f, not f\(\)"):
            await alcall([1], coroutine)
        assert coroutine.cr_frame is None
        for size, error in ((0, ValueError), (1.5, TypeError)):
            with pytest.raises(error, match="batch_size"):
                bcall([1], double, size)

    anyio.run(main, backend=backend)
