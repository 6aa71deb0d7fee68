"""Checks of streams: what is pulled, kept, slowed, grouped, and closed."""

from __future__ import annotations

import contextlib
import itertools
from functools import partial

import anyio
from checking import explored, kit, scenarios

from concurrency import (
    CancelScope,
    batch_stream,
    borrow_stream,
    buffer_stream,
    checkpoint,
    current_time,
    enumerate_stream,
    filter_stream,
    map_stream,
    merge_streams,
    move_on_after,
    skip_stream,
    sleep,
    take_stream,
    throttle_stream,
)
from properties import conformance


class Source:
    """Counts up, and notes what it gave and that it was closed."""

    def __init__(
        self,
        end: int = 99,
        *,
        pause: float = 1,
        error: BaseException | None = None,
        leaving: float = 0,
        first: int = 1,
    ) -> None:
        self.given = 0
        self.open = 0
        self.cancelled = False
        self._options = (end, pause, error, leaving, first)

    async def items(self):
        end, pause, error, leaving, first = self._options
        self.open += 1
        try:
            for number in range(first, end + 1):
                await sleep(pause)
                self.given += 1
                yield number
            if error is not None:
                raise error
        except anyio.get_cancelled_exc_class():
            self.cancelled = True
            raise
        finally:
            if leaving:
                with CancelScope(shield=True):
                    await sleep(leaving)
            self.open -= 1


EACH = {
    "buffer": lambda items: buffer_stream(items, 2),
    "merge": merge_streams,
    "batch": lambda items: batch_stream(items, 2),
    "timed batch": lambda items: batch_stream(items, 2, timeout=9),
    "throttle": lambda items: throttle_stream(items, 9),
    "take": lambda items: take_stream(items, 9),
    "map": lambda items: map_stream(items, str),
    "filter": lambda items: filter_stream(items, bool),
}


async def buffers_and_merges_read_no_further_ahead_than_told() -> None:
    for make, room in ((lambda items: buffer_stream(items, 2), 2), (merge_streams, 1)):
        source = Source()
        async with make(source.items()) as stream:
            await sleep(20)
            assert source.given == room
            assert await anext(stream) == 1
            await sleep(20)
            assert source.given == room + 1, "what was taken made no room"
            assert [await anext(stream) for _ in range(3)] == [2, 3, 4]


async def a_pull_that_is_given_up_loses_nothing_under_a_block() -> None:
    for name in ("buffer", "merge", "batch", "timed batch", "throttle", "take"):
        got: list[int] = []
        async with buffer_stream(Source(4).items()) as source, EACH[name](source) as stream:
            while True:
                try:
                    with move_on_after(0.7):
                        item = await anext(stream)
                        got.extend(item if isinstance(item, list) else [item])
                except StopAsyncIteration:
                    break
        assert got == [1, 2, 3, 4], f"{name}: {got}"


async def a_cancelled_pull_of_a_plain_iterable_loses_nothing() -> None:
    got: list[int] = []
    async with take_stream(range(20), 20) as stream:
        while len(got) < 20:
            with CancelScope() as scope:
                if len(got) % 3 == 0 and not scope.cancel_called:
                    scope.cancel()
                    with contextlib.suppress(StopAsyncIteration):
                        got.append(await anext(stream))
            got.append(await anext(stream))
    assert got == list(range(20))


async def a_throttle_keeps_every_distance_after_a_pause_too() -> None:
    for burst in (1, 3):
        instants: list[float] = []
        async with throttle_stream(iter(range(12)), 1, burst=burst) as stream:
            for number in range(12):
                if number == 4:
                    await sleep(9)
                await anext(stream)
                instants.append(current_time())
        for place, first in enumerate(instants):
            for later in range(place, len(instants)):
                allowed = burst + (instants[later] - first)
                assert later - place + 1 <= allowed + 1e-9, f"burst={burst}: {instants}"
        assert instants[:burst] == [instants[0]] * burst, "a burst was not allowed"
        assert instants[-1] - instants[0] <= 12 + 9, f"{instants}"


async def a_throttle_pulls_once_the_wait_is_over() -> None:
    source = Source(pause=0)
    async with throttle_stream(source.items(), 1, per=10) as stream:
        assert await anext(stream) == 1
        for _ in range(3):
            with move_on_after(1):
                await anext(stream)
        assert source.given == 1, "an item was pulled before its time"
        assert await anext(stream) == 2


async def batches_are_full_and_the_rest_comes_last() -> None:
    for timeout in (None, 50):
        got = [b async for b in batch_stream(Source(5).items(), 2, timeout=timeout)]
        assert got == [[1, 2], [3, 4], [5]]


async def a_timed_batch_comes_when_its_first_item_has_waited() -> None:
    async with batch_stream(Source(9, pause=1).items(), 9, timeout=2.5) as stream:
        await sleep(2)  # The first item has waited one second by now.
        assert await anext(stream) == [1, 2, 3]
        assert current_time() == 3.5


async def items_are_taken_skipped_filtered_and_numbered() -> None:
    async def even(item):
        await checkpoint()
        return item % 2 == 0

    source = Source()
    async with take_stream(source.items(), 3) as stream:
        assert [item async for item in stream] == [1, 2, 3]
    assert source.given == 3, "one more was pulled than was to be taken"
    assert [i async for i in skip_stream(Source(5).items(), 2)] == [3, 4, 5]
    assert [i async for i in filter_stream(Source(5).items(), even)] == [2, 4]
    assert [i async for i in enumerate_stream(Source(2).items(), 7)] == [(7, 1), (8, 2)]
    source = Source()
    numbers = source.items()
    assert [i async for i in take_stream(borrow_stream(numbers), 2)] == [1, 2]
    assert await anext(numbers) == 3, "a borrowed source was closed"
    await numbers.aclose()


def _pairs(items):
    return [items[place : place + 2] for place in range(0, len(items), 2)]


class Bare:
    """A stream without its `async with`."""

    def __init__(self, stream) -> None:
        self.stream = stream

    def __aiter__(self):
        return aiter(self.stream)


class Throttled:
    """A throttled stream over a source that always has something, as a rate limiter."""

    def __init__(self, burst: int) -> None:
        self.stream = throttle_stream(itertools.repeat(None), 4, per=2, burst=burst)
        self.lock = anyio.Lock()

    async def acquire(self) -> None:
        async with self.lock:
            if not self.stream.managed:
                await self.stream.__aenter__()
            await anext(self.stream)


KITS = {
    "map_stream": partial(
        conformance.stream,
        lambda source: map_stream(source, repr),
        expect=lambda items: list(map(repr, items)),
    ),
    "filter_stream": partial(
        conformance.stream,
        lambda source: filter_stream(source, bool),
        expect=lambda items: list(filter(bool, items)),
    ),
    "enumerate_stream": partial(
        conformance.stream, enumerate_stream, expect=lambda items: list(enumerate(items))
    ),
    "skip_stream": partial(
        conformance.stream, lambda source: skip_stream(source, 2), expect=lambda items: items[2:]
    ),
    "take_stream": partial(
        conformance.stream,
        lambda source: take_stream(source, 2),
        expect=lambda items: items[:2],
        without=["errors"],
    ),
    "buffer_stream": partial(
        conformance.stream,
        lambda source: buffer_stream(source, 2),
        ahead=2,
        drops=True,
        resumes=True,
    ),
    "merge_streams": partial(conformance.stream, merge_streams, ahead=1, drops=True, resumes=True),
    "dropped map_stream": partial(
        conformance.stream, lambda source: Bare(map_stream(source, lambda item: item)), drops=True
    ),
    "batch_stream": partial(
        conformance.stream, lambda source: batch_stream(source, 2), expect=_pairs
    ),
    "timed batch_stream": partial(
        conformance.stream,
        lambda source: batch_stream(source, 2, timeout=1e6),
        expect=_pairs,
        ahead=2,
        without=["slow"],
    ),
    "throttle_stream": partial(conformance.rate_limiter, lambda: Throttled(1), rate=4, per=2),
    "throttle_stream in bursts": partial(
        conformance.rate_limiter, lambda: Throttled(3), rate=4, per=2, burst=3
    ),
}
CHECKS = (
    *(kit(each, note=name, share=0.2) for name, each in KITS.items()),
    explored(buffers_and_merges_read_no_further_ahead_than_told, stalls=0),
    explored(a_pull_that_is_given_up_loses_nothing_under_a_block, share=0.2),
    explored(a_cancelled_pull_of_a_plain_iterable_loses_nothing),
    explored(a_throttle_keeps_every_distance_after_a_pause_too, stalls=0),
    explored(a_throttle_pulls_once_the_wait_is_over, stalls=0),
    explored(batches_are_full_and_the_rest_comes_last, stalls=0),
    explored(a_timed_batch_comes_when_its_first_item_has_waited, stalls=0),
    explored(items_are_taken_skipped_filtered_and_numbered),
    *scenarios("streams"),
    *scenarios("natively"),
)
