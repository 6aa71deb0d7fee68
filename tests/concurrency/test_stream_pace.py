"""How fast streams deliver, and in what portions: throttle and batch."""

from __future__ import annotations

import itertools
import math

import anyio
import pytest
from anyio.lowlevel import checkpoint

import simclock
from concurrency.stream import (
    batch_stream,
    throttle_stream,
)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


async def count_to(end, *, before_each=checkpoint):
    for number in range(end):
        await before_each()
        yield number


async def collect(stream):
    return [item async for item in stream]


# --- throttle


async def naive_throttle(stream, rate, *, per=1.0):
    """Count within fixed windows: two full windows meet at their border."""
    window, sent = anyio.current_time(), 0
    async for item in stream:
        if sent >= rate:
            await anyio.sleep_until(window + per)
            window, sent = anyio.current_time(), 0
        sent += 1
        yield item


async def deliveries_keep_their_distance(throttle):
    async def late_then_eager():
        for number in range(6):
            if number == 1:
                await anyio.sleep(0.017)
            yield number

    instants = []
    async for _ in throttle(late_then_eager(), 2, per=0.02):
        instants.append(anyio.current_time())
    # With spacing, three deliveries span two intervals: they never fit into one and a half.
    spans = [instants[i + 2] - instants[i] for i in range(len(instants) - 2)]
    assert min(spans) >= 0.015, spans


def test_throttled_deliveries_keep_their_distance(backend):
    simclock.run(deliveries_keep_their_distance, throttle_stream, backend=backend)


def test_a_throttle_by_fixed_windows_is_caught(backend):
    with pytest.raises(AssertionError):
        simclock.run(deliveries_keep_their_distance, naive_throttle, backend=backend)


async def a_burst_is_allowed_once_and_earned_again_by_waiting():
    instants = []
    async for _ in throttle_stream(range(5), 200, burst=3):
        instants.append(anyio.current_time())
    gaps = [later - earlier for earlier, later in itertools.pairwise(instants)]
    assert max(gaps[:2]) < 0.004, gaps
    assert min(gaps[2:]) > 0.003, gaps


def test_a_burst_is_allowed_once_and_earned_again_by_waiting(backend):
    simclock.run(a_burst_is_allowed_once_and_earned_again_by_waiting, backend=backend)


async def an_infinite_rate_does_not_throttle():
    assert await collect(throttle_stream(range(100), math.inf)) == list(range(100))


def test_an_infinite_rate_does_not_throttle(backend):
    simclock.run(an_infinite_rate_does_not_throttle, backend=backend)


async def a_cancelled_wait_for_the_rate_loses_no_item():
    async with throttle_stream(range(3), 200) as throttled:
        assert await anext(throttled) == 0
        with anyio.move_on_after(0):
            await anext(throttled)
        assert await anext(throttled) == 1
        assert await anext(throttled) == 2


def test_a_cancelled_wait_for_the_rate_loses_no_item(backend):
    simclock.run(a_cancelled_wait_for_the_rate_loses_no_item, backend=backend)


# --- batch


async def naive_batch(stream, size, *, timeout):
    """Put the timeout around the pull: it cancels the source with it."""
    iterator = aiter(stream)
    ended = False
    while not ended:
        batch = []
        with anyio.move_on_after(timeout):
            while len(batch) < size:
                try:
                    batch.append(await anext(iterator))
                except StopAsyncIteration:
                    ended = True
                    break
        if batch:
            yield batch


async def a_timed_batch_loses_nothing(batch):
    async def slow():
        for number in range(5):
            await anyio.sleep(0.004)
            yield number

    batches = [each async for each in batch(slow(), 2, timeout=0.002)]
    assert [number for each in batches for number in each] == [0, 1, 2, 3, 4]
    assert all(batches)


def test_a_timed_batch_loses_nothing(backend):
    simclock.run(a_timed_batch_loses_nothing, batch_stream, backend=backend)


def test_a_batch_whose_timeout_kills_the_source_is_caught(backend):
    with pytest.raises(AssertionError):
        simclock.run(a_timed_batch_loses_nothing, naive_batch, backend=backend)


async def a_timeout_delivers_what_is_there():
    async def stalling():
        yield 1
        yield 2
        await anyio.sleep_forever()

    async for batch in batch_stream(stalling(), 10, timeout=0.002):
        assert batch == [1, 2]
        break


def test_a_timeout_delivers_what_is_there(backend):
    simclock.run(a_timeout_delivers_what_is_there, backend=backend)


async def batches_are_full_but_the_last():
    for timeout in (None, 10.0):
        batches = await collect(batch_stream(count_to(7), 3, timeout=timeout))
        assert batches == [[0, 1, 2], [3, 4, 5], [6]]
        assert await collect(batch_stream([], 3, timeout=timeout)) == []


def test_batches_are_full_but_the_last(backend):
    simclock.run(batches_are_full_but_the_last, backend=backend)


async def an_error_follows_the_batch_that_preceded_it():
    async def failing():
        yield 1
        raise ValueError("planted")

    for timeout in (None, 10.0):
        got = []
        with pytest.raises(ValueError, match="planted"):
            async for batch in batch_stream(failing(), 3, timeout=timeout):
                got.append(batch)
        assert got == [[1]]


def test_an_error_follows_the_batch_that_preceded_it(backend):
    simclock.run(an_error_follows_the_batch_that_preceded_it, backend=backend)


async def an_error_nobody_pulled_is_raised_on_leaving():
    async def failing():
        yield 1
        raise ValueError("planted")

    for timeout in (None, 10.0):
        with pytest.raises(ValueError, match="planted"):
            async with batch_stream(failing(), 3, timeout=timeout) as batches:
                async for batch in batches:
                    assert batch == [1]
                    break


def test_an_error_nobody_pulled_is_raised_on_leaving(backend):
    simclock.run(an_error_nobody_pulled_is_raised_on_leaving, backend=backend)


async def a_cancelled_pull_leaves_its_items_to_the_next():
    send, receive = anyio.create_memory_object_stream(10)
    async with send, batch_stream(receive, 3) as batches:
        send.send_nowait(1)
        send.send_nowait(2)
        with anyio.move_on_after(0.001) as scope:
            await anext(batches)
        assert scope.cancelled_caught
        send.send_nowait(3)
        assert await anext(batches) == [1, 2, 3]


def test_a_cancelled_pull_leaves_its_items_to_the_next(backend):
    simclock.run(a_cancelled_pull_leaves_its_items_to_the_next, backend=backend)
