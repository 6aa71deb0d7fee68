"""Streams: in order, none lost, and every source closed however a stream is left."""

from __future__ import annotations

import anyio
from explored.table import scenario

import simclock
from concurrency import (
    Stream,
    batch_stream,
    borrow_stream,
    buffer_stream,
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

PIPES = {
    "merge_streams": merge_streams,
    "buffer_stream": lambda source: buffer_stream(source, 2),
    "batch_stream": lambda source: batch_stream(source, 2),
    "throttle_stream": lambda source: throttle_stream(source, 10),
    "take_stream": lambda source: take_stream(source, 3),
    "skip_stream": lambda source: skip_stream(source, 1),
    "filter_stream": lambda source: filter_stream(source, bool),
    "map_stream": lambda source: map_stream(source, str),
    "enumerate_stream": enumerate_stream,
    "timed batch_stream": lambda source: batch_stream(source, 2, timeout=1.5),
    "nested": lambda source: take_stream(buffer_stream(merge_streams(source)), 3),
}


class Sources:
    """Sources that tell which of them are open."""

    def __init__(self) -> None:
        self.open = 0
        self.given = 0

    async def count(self, end: float, *, pause: float = 1, first: int = 1):
        self.open += 1
        try:
            number = first
            while number <= end:
                await sleep(pause)
                self.given += 1
                yield number
                number += 1
        finally:
            self.open -= 1


@scenario(
    "Stream",
    *(name for name in PIPES if " " not in name and name != "nested"),
    cancel=(False, True),
    share=0.5,
)
async def a_stream_left_early_closes_its_source(pipes=PIPES) -> None:
    sources = Sources()
    try:
        for pipe in pipes.values():
            async with pipe(sources.count(float("inf"))) as stream:
                assert isinstance(stream, Stream)
                async for _ in stream:
                    break
            assert sources.open == 0
    finally:
        assert sources.open == 0


@scenario(
    "Stream", "merge_streams", "buffer_stream", "batch_stream", cancel=(False, True), share=0.5
)
async def a_bare_loop_left_early_leaves_nothing(pipes=PIPES) -> None:
    sources = Sources()
    for pipe in pipes.values():
        async for _ in pipe(sources.count(float("inf"))):
            break
    await simclock.current().settle()
    assert sources.open == 0


@scenario("Stream", "merge_streams", "buffer_stream", "batch_stream", "throttle_stream", share=0.5)
async def a_pull_given_up_loses_no_item(pipes=PIPES) -> None:
    sources = Sources()
    for pipe in (pipes["buffer_stream"], pipes["merge_streams"], pipes["throttle_stream"]):
        got: list[int] = []
        try:
            # Pulled by a task between, for an async generator that is cancelled is over.
            async with buffer_stream(sources.count(4)) as source, pipe(source) as stream:
                while True:
                    with move_on_after(0.7):
                        async for item in stream:
                            got.append(item)
                        break
        except anyio.BrokenResourceError:
            # The exploration cancelled a reading task: an error, and never taken for the end.
            assert got == list(range(1, len(got) + 1))
        else:
            assert got == [1, 2, 3, 4]
    assert sources.open == 0


@scenario("merge_streams")
async def merging_loses_and_repeats_nothing(merge_streams=merge_streams) -> None:
    sources = Sources()
    got: list[int] = []
    parts = (sources.count(3), sources.count(13, first=11, pause=0.5))
    try:
        async with merge_streams(*parts) as merged:
            async for item in merged:
                got.append(item)
    except anyio.BrokenResourceError:
        assert len(set(got)) == len(got)
    else:
        assert sorted(got) == [1, 2, 3, 11, 12, 13]
        assert [each for each in got if each < 10] == [1, 2, 3]
    finally:
        assert sources.open == 0


@scenario("batch_stream", cancel=(False, True))
async def a_timed_batch_loses_nothing(batch_stream=batch_stream) -> None:
    sources = Sources()
    got: list[int] = []
    async with batch_stream(sources.count(5), 3, timeout=1.5) as batches:
        async for batch in batches:
            assert 1 <= len(batch) <= 3
            got.extend(batch)
    assert got == [1, 2, 3, 4, 5]


@scenario("throttle_stream", cancel=(False, True), stalls=0)
async def a_throttle_keeps_its_distance(throttle_stream=throttle_stream) -> None:
    sources = Sources()
    instants: list[float] = []
    async with throttle_stream(sources.count(8, pause=0.3), 2, per=2) as slow:
        async for _ in slow:
            instants.append(current_time())
    assert instants[-1] - instants[0] >= 7 - 1e-6
    assert sources.open == 0


@scenario("take_stream", "borrow_stream", "skip_stream")
async def taking_pulls_no_more_than_it_gives(take_stream=take_stream) -> None:
    sources = Sources()
    async with skip_stream(sources.count(float("inf")), 0) as source:
        first = [item async for item in take_stream(borrow_stream(source), 2)]
        assert first == [1, 2]
        assert sources.given == 2
        assert [item async for item in take_stream(borrow_stream(source), 1)] == [3]
    assert sources.open == 0


@scenario("buffer_stream", cancel=(False, True))
async def any_buffered_item_may_be_none(buffer_stream=buffer_stream) -> None:
    async def nones():
        for _ in range(3):
            await sleep(1)
            yield None

    async with buffer_stream(nones(), 2) as buffered:
        assert [item async for item in buffered] == [None] * 3


@scenario("enumerate_stream", "map_stream", "filter_stream", "skip_stream", "take_stream")
async def items_are_changed_and_chosen_one_by_one() -> None:
    sources = Sources()

    async def odd(item: int) -> bool:
        await sleep(0.1)
        return item % 2 == 1

    async with enumerate_stream(
        map_stream(filter_stream(skip_stream(sources.count(9), 2), odd), lambda item: -item)
    ) as numbered:
        assert [item async for item in take_stream(numbered, 3)] == [(0, -3), (1, -5), (2, -7)]
    assert sources.open == 0
