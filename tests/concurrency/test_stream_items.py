"""What streams deliver: order, numbers, errors in their place; and what they refuse."""

from __future__ import annotations

import math

import anyio
import pytest
from anyio.lowlevel import checkpoint

from concurrency.stream import (
    batch_stream,
    borrow_stream,
    buffer_stream,
    enumerate_stream,
    filter_stream,
    map_stream,
    merge_streams,
    skip_stream,
    take_stream,
    throttle_stream,
)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


async def everything_settled():
    """Let all others run until they have nothing left to do."""
    for _ in range(30):
        await checkpoint()
    # Where time is simulated it passes only once nobody can run.
    await anyio.sleep(0.0001)


async def count_to(end, *, before_each=checkpoint):
    for number in range(end):
        await before_each()
        yield number


async def collect(stream):
    return [item async for item in stream]


# --- merge


async def merged_items_come_in_the_order_of_their_arrival():
    gates = [anyio.Event() for _ in range(4)]

    async def gated(name, *numbers):
        for number in numbers:
            await gates[number].wait()
            yield name, number

    got = []
    async with merge_streams(gated("even", 0, 2), gated("odd", 1, 3)) as merged:
        for number in (0, 1, 2, 3):
            gates[number].set()
            got.append(await anext(merged))
    assert got == [("even", 0), ("odd", 1), ("even", 2), ("odd", 3)]


def test_merged_items_come_in_the_order_of_their_arrival(backend):
    anyio.run(merged_items_come_in_the_order_of_their_arrival, backend=backend)


async def merging_loses_and_repeats_nothing():
    got = await collect(merge_streams(count_to(5), [10, 11, 12], count_to(0)))
    assert sorted(got) == [0, 1, 2, 3, 4, 10, 11, 12]
    assert [n for n in got if n < 10] == [0, 1, 2, 3, 4]
    assert await collect(merge_streams()) == []


def test_merging_loses_and_repeats_nothing(backend):
    anyio.run(merging_loses_and_repeats_nothing, backend=backend)


async def a_merged_source_is_read_one_item_ahead_at_most():
    pulled = []

    async def source():
        for number in range(10):
            pulled.append(number)
            yield number

    async with merge_streams(source()) as merged:
        assert await anext(merged) == 0
        await everything_settled()
        assert pulled == [0, 1]


def test_a_merged_source_is_read_one_item_ahead_at_most(backend):
    anyio.run(a_merged_source_is_read_one_item_ahead_at_most, backend=backend)


async def the_error_of_one_source_follows_what_came_before_it():
    async def failing():
        yield "before"
        raise ValueError("planted")

    async def endless():
        try:
            await anyio.sleep_forever()
            yield "never"
        finally:
            closed.append("endless")

    closed = []
    got = []
    with pytest.raises(ValueError, match="planted"):
        async for item in merge_streams(failing(), endless()):
            got.append(item)
    assert got == ["before"]
    assert closed == ["endless"]


def test_the_error_of_one_source_follows_what_came_before_it(backend):
    anyio.run(the_error_of_one_source_follows_what_came_before_it, backend=backend)


async def errors_of_several_sources_come_as_a_group():
    async def failing(error):
        try:
            await anyio.sleep_forever()
            yield
        finally:
            raise error

    with pytest.raises(ExceptionGroup) as caught:
        async with merge_streams(failing(ValueError("a")), failing(KeyError("b"))) as merged:
            with anyio.move_on_after(0.001):
                await anext(merged)
    assert {type(each) for each in caught.value.exceptions} == {ValueError, KeyError}


def test_errors_of_several_sources_come_as_a_group(backend):
    anyio.run(errors_of_several_sources_come_as_a_group, backend=backend)


# --- buffer


async def naive_buffer(stream, maxsize=10):
    """End at the sentinel, which is an item like any other."""
    ahead = [item async for item in stream]
    ahead.append(None)
    for item in ahead:
        if item is None:
            return
        yield item


async def any_item_may_be_none(buffer):
    assert await collect(buffer(iter_async([1, None, 2]))) == [1, None, 2]


async def iter_async(items):
    for item in items:
        yield item


def test_a_buffered_item_may_be_none(backend):
    anyio.run(any_item_may_be_none, buffer_stream, backend=backend)


def test_a_buffer_that_stops_at_none_is_caught(backend):
    with pytest.raises(AssertionError):
        anyio.run(any_item_may_be_none, naive_buffer, backend=backend)


async def a_buffer_reads_exactly_maxsize_ahead():
    pulled = []

    async def source():
        for number in range(20):
            pulled.append(number)
            yield number

    async with buffer_stream(source(), maxsize=4) as buffered:
        await everything_settled()
        assert len(pulled) == 4
        assert await anext(buffered) == 0
        await everything_settled()
        assert len(pulled) == 5


def test_a_buffer_reads_exactly_maxsize_ahead(backend):
    anyio.run(a_buffer_reads_exactly_maxsize_ahead, backend=backend)


async def a_pull_can_be_given_a_timeout_and_repeated():
    gate = anyio.Event()

    async def gated():
        await gate.wait()
        yield "kept"

    async with buffer_stream(gated()) as buffered:
        with anyio.move_on_after(0.001) as scope:
            await anext(buffered)
        assert scope.cancelled_caught
        gate.set()
        assert await anext(buffered) == "kept"


def test_a_pull_can_be_given_a_timeout_and_repeated(backend):
    anyio.run(a_pull_can_be_given_a_timeout_and_repeated, backend=backend)


# --- take, skip, filter, map, enumerate


async def naive_take(stream, n):
    """Look at the count after pulling."""
    taken = 0
    async for item in stream:
        if taken == n:
            return
        taken += 1
        yield item


async def exactly_n_items_are_pulled(take):
    pulled = []

    def source():
        for number in range(5):
            pulled.append(number)
            yield number

    assert await collect(take(map_stream(source(), int), 2)) == [0, 1]
    assert pulled == [0, 1]


def test_taking_n_pulls_n(backend):
    anyio.run(exactly_n_items_are_pulled, take_stream, backend=backend)


def test_a_take_that_pulls_one_too_many_is_caught(backend):
    with pytest.raises(AssertionError):
        anyio.run(exactly_n_items_are_pulled, naive_take, backend=backend)


async def a_borrowed_source_goes_on_after_take():
    numbers = count_to(5)
    assert await collect(take_stream(borrow_stream(numbers), 2)) == [0, 1]
    assert await collect(numbers) == [2, 3, 4]
    assert await collect(take_stream(count_to(3), 0)) == []


def test_a_borrowed_source_goes_on_after_take(backend):
    anyio.run(a_borrowed_source_goes_on_after_take, backend=backend)


async def items_are_changed_and_chosen_one_by_one():
    async def double(number):
        await checkpoint()
        return number * 2

    async def is_odd(number):
        await checkpoint()
        return number % 2

    assert await collect(skip_stream(count_to(4), 2)) == [2, 3]
    assert await collect(skip_stream(count_to(1), 2)) == []
    assert await collect(filter_stream(count_to(4), lambda n: n > 1)) == [2, 3]
    assert await collect(filter_stream(count_to(4), is_odd)) == [1, 3]
    assert await collect(map_stream(count_to(3), str)) == ["0", "1", "2"]
    assert await collect(map_stream(count_to(3), double)) == [0, 2, 4]
    assert await collect(enumerate_stream(["a", "b"], 5)) == [(5, "a"), (6, "b")]


def test_items_are_changed_and_chosen_one_by_one(backend):
    anyio.run(items_are_changed_and_chosen_one_by_one, backend=backend)


async def a_plain_iterable_lets_others_run():
    steps = []

    async def other():
        for _ in range(3):
            steps.append("other")
            await checkpoint()

    async with anyio.create_task_group() as tg:
        tg.start_soon(other)
        async for _ in map_stream(range(4), lambda n: n):
            steps.append("stream")
    assert steps.index("other") < 3


def test_a_plain_iterable_lets_others_run(backend):
    anyio.run(a_plain_iterable_lets_others_run, backend=backend)


# --- wrong arguments


async def unawaited():
    yield


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: merge_streams(unawaited), TypeError, r"f\(\), not f"),
        (lambda: merge_streams([1], 5), TypeError, "async iterable or an iterable, not 5"),
        (lambda: take_stream("text", 1), TypeError, "character by character"),
        (lambda: take_stream([1], -1), ValueError, "0 or more"),
        (lambda: take_stream([1], 1.0), TypeError, "whole number"),
        (lambda: skip_stream([1], True), TypeError, "whole number"),
        (lambda: buffer_stream([1], 0), ValueError, "1 or more"),
        (lambda: batch_stream([1], 0), ValueError, "1 or more"),
        (lambda: batch_stream([1], 1, timeout=-1), ValueError, "0 or more seconds"),
        (lambda: throttle_stream([1], 0), ValueError, "above 0"),
        (lambda: throttle_stream([1], math.nan), ValueError, "NaN"),
        (lambda: throttle_stream([1], 1, per=math.inf), ValueError, "finite"),
        (lambda: throttle_stream([1], 1, burst=0), ValueError, "1 or more"),
        (lambda: map_stream([1], 5), TypeError, "takes a function"),
        (lambda: filter_stream([1], None), TypeError, "takes a function"),
        (lambda: enumerate_stream([1], "0"), TypeError, "whole number"),
        (lambda: borrow_stream(None), TypeError, "not None"),
    ],
)
def test_wrong_arguments_are_refused_at_the_call(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_a_coroutine_handed_over_by_mistake_is_closed():
    async def not_a_stream():
        """Would warn if it were left behind, and warnings are errors here."""

    coroutines = [not_a_stream() for _ in range(3)]
    with pytest.raises(TypeError, match="async iterable"):
        merge_streams(*coroutines)
    assert all(each.cr_frame is None for each in coroutines)
