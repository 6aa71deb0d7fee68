"""List calls: in order, shaped, within limits, in batches."""

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
