"""Streams whose clean-up fails, that two consumers pull, or that are cancelled natively."""

from __future__ import annotations

import logging

import anyio
import pytest
from anyio.lowlevel import checkpoint

from concurrency.stream import (
    batch_stream,
    buffer_stream,
    enumerate_stream,
    filter_stream,
    map_stream,
    merge_streams,
    skip_stream,
    take_stream,
    throttle_stream,
)

MAKERS = {
    "merge": merge_streams,
    "buffer": lambda source, *_: buffer_stream(source, 2),
    "batch": lambda source, *_: batch_stream(source, 2),
    "timed batch": lambda source, *_: batch_stream(source, 2, timeout=5),
    "throttle": lambda source, *_: throttle_stream(source, 10_000),
    "take": lambda source, *_: take_stream(source, 3),
    "skip": lambda source, *_: skip_stream(source, 1),
    "filter": lambda source, *_: filter_stream(source, lambda _: True),
    "map": lambda source, *_: map_stream(source, lambda item: item),
    "enumerate": lambda source, *_: enumerate_stream(source),
    "nested": lambda *sources: take_stream(buffer_stream(merge_streams(*sources)), 5),
}


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


@pytest.fixture(params=list(MAKERS))
def make(request):
    return MAKERS[request.param]


async def everything_settled():
    """Let all others run until they have nothing left to do."""
    for _ in range(30):
        await checkpoint()
    # Where time is simulated it passes only once nobody can run.
    await anyio.sleep(0.0001)


# --- errors while cleaning up


async def failing_cleanup():
    try:
        while True:
            await checkpoint()
            yield 1
    finally:
        raise OSError("the clean-up failed")


async def a_failing_cleanup_is_raised_on_leaving(make):
    with pytest.raises(OSError, match="clean-up"):
        async with make(failing_cleanup()) as stream:
            await anext(stream)


def test_a_failing_cleanup_is_raised_on_leaving(backend, make):
    anyio.run(a_failing_cleanup_is_raised_on_leaving, make, backend=backend)


async def a_failing_cleanup_does_not_hide_the_error_of_the_block(make):
    with pytest.raises(BaseExceptionGroup) as caught:
        async with make(failing_cleanup()) as stream:
            await anext(stream)
            raise ZeroDivisionError
    assert [type(each) for each in caught.value.exceptions] == [ZeroDivisionError, OSError]


def test_a_failing_cleanup_does_not_hide_the_error_of_the_block(backend, make):
    anyio.run(a_failing_cleanup_does_not_hide_the_error_of_the_block, make, backend=backend)


async def a_failing_cleanup_after_break_is_logged(make):
    async for _ in make(failing_cleanup()):
        break
    await everything_settled()


def test_a_failing_cleanup_after_break_is_logged(backend, make, caplog):
    with caplog.at_level(logging.ERROR, "concurrency"):
        anyio.run(a_failing_cleanup_after_break_is_logged, make, backend=backend)
    assert "the clean-up failed" in caplog.text


# --- one consumer at a time


async def a_second_consumer_is_refused():
    started = anyio.Event()

    async def silent():
        started.set()
        await anyio.sleep_forever()
        yield

    for make in (MAKERS["map"], MAKERS["merge"]):
        stream = make(silent())
        async with anyio.create_task_group() as tg:
            tg.start_soon(anext, stream)
            await everything_settled()
            with pytest.raises(anyio.BusyResourceError):
                await anext(stream)
            tg.cancel_scope.cancel()


def test_a_second_consumer_is_refused(backend):
    anyio.run(a_second_consumer_is_refused, backend=backend)


async def closing_ends_the_pull_of_a_pumped_stream():
    async def silent():
        await anyio.sleep_forever()
        yield

    seen = []

    async def consume(stream):
        seen.extend([item async for item in stream])
        seen.append("ended")

    stream = merge_streams(silent())
    async with anyio.create_task_group() as tg:
        tg.start_soon(consume, stream)
        await everything_settled()
        await stream.aclose()
        await stream.aclose()
    assert seen == ["ended"]


def test_closing_ends_the_pull_of_a_pumped_stream(backend):
    anyio.run(closing_ends_the_pull_of_a_pumped_stream, backend=backend)


async def a_closed_stream_cannot_be_entered():
    stream = buffer_stream([1])
    await stream.aclose()
    with pytest.raises(anyio.ClosedResourceError, match="make a new one"):
        await stream.__aenter__()
    async with buffer_stream([1]) as entered:
        with pytest.raises(RuntimeError, match="already under"):
            await entered.__aenter__()


def test_a_closed_stream_cannot_be_entered(backend):
    anyio.run(a_closed_stream_cannot_be_entered, backend=backend)


# --- native cancellation


@pytest.mark.parametrize("stop", ["cancel", "timeout", "wait_for"])
def test_native_cancellation_of_a_pull_closes_everything(make, stop):
    import asyncio

    async def main():
        open_sources = set()

        async def blocking(name):
            open_sources.add(name)
            try:
                yield name
                await anyio.sleep_forever()
            finally:
                open_sources.discard(name)

        async def consume():
            try:
                async for _ in make(blocking("a"), blocking("b")):
                    pass
            finally:
                assert not open_sources

        if stop == "cancel":
            task = asyncio.ensure_future(consume())
            await everything_settled()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        elif stop == "timeout":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.005):
                    await consume()
        else:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(consume(), 0.005)
        assert not open_sources

    asyncio.run(main())


def test_a_source_cancelled_by_others_is_not_taken_for_the_end():
    import asyncio

    async def main():
        future = asyncio.get_running_loop().create_future()

        async def waiting():
            yield 1
            await future

        got = []
        with pytest.raises(anyio.BrokenResourceError, match="not complete"):
            async for item in merge_streams(waiting()):
                got.append(item)
                future.cancel()
        assert got == [1]

    asyncio.run(main())
