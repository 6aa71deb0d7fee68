"""Checks of how streams end: by an error, a cancellation, or by being left."""

# ruff: noqa: PT017 - These programs run without pytest.

from __future__ import annotations

import asyncio
import contextlib

import anyio
import pytest
from areas.streams import EACH, KITS, Source
from checking import NATIVE, explored, kit, scenarios

import simclock
from concurrency import (
    TaskGroup,
    buffer_stream,
    current_time,
    filter_stream,
    map_stream,
    merge_streams,
    move_on_after,
    sleep,
)


async def a_stream_that_is_left_has_closed_its_source() -> None:
    for make in EACH.values():
        source = Source(leaving=1)
        async with make(source.items()) as stream:
            await anext(stream)
        assert source.open == 0, "the block was left while the source was open"
        began = current_time()
        source = Source()
        with contextlib.suppress(StopAsyncIteration):
            stream = make(source.items())
            await anext(stream)
            await stream.aclose()
            await anext(stream)
            raise AssertionError("a closed stream goes on")
        assert source.open == 0
        assert current_time() <= began + 2, "closing waited for the source to end"


async def what_was_read_ahead_is_gone_when_a_stream_is_closed() -> None:
    for name in ("buffer", "merge", "timed batch"):
        async with EACH[name](Source().items()) as stream:
            await sleep(5)
            await stream.aclose()
            with pytest.raises(StopAsyncIteration):
                await anext(stream)


async def a_bare_loop_that_is_cancelled_has_closed_its_source() -> None:
    for make in EACH.values():
        source = Source()
        with move_on_after(2.5):
            async for _ in make(source.items()):
                pass
        await simclock.current().settle()
        assert source.open == 0


async def a_bare_loop_that_is_left_closes_its_source() -> None:
    for make in EACH.values():
        source = Source()
        async for _ in make(source.items()):
            break
        await simclock.current().settle()
        assert source.open == 0


async def an_error_comes_after_the_items_before_it_and_closes_the_source() -> None:
    for name, make in EACH.items():
        error, source, got = OSError(), None, []
        source = Source(3, error=error)
        stream = make(source.items())
        try:
            async for item in stream:
                got.extend(item if isinstance(item, list) else [item])
        except OSError as raised:
            assert raised is error
        else:
            raise AssertionError(f"{name}: the error was swallowed")
        assert [int(each) for each in got] == [1, 2, 3], f"{name}: {got}"
        assert source.open == 0
        with contextlib.suppress(StopAsyncIteration):
            await anext(stream)
            raise AssertionError(f"{name}: a stream that failed goes on")


async def a_stream_that_fails_in_its_own_function_closes_the_source() -> None:
    def fail(_item):
        raise LookupError

    for make in (map_stream, filter_stream):
        source = Source()
        async with make(source.items(), fail) as stream:
            with pytest.raises(LookupError):
                await anext(stream)
            assert source.open == 0, "a failed stream left its source open"


async def the_first_source_that_fails_ends_the_others() -> None:
    error, other, got = OSError(), Source(50), []
    try:
        async for item in merge_streams(Source(2, error=error).items(), other.items()):
            got.append(item)
    except OSError as raised:
        assert raised is error
        assert current_time() == 2, "the other source was read on"
        assert other.open == 0
    else:
        raise AssertionError("the error was swallowed")


async def several_errors_come_together() -> None:
    errors = [OSError(), ValueError()]

    async def fail(error, seconds=1):
        try:
            await sleep(seconds)
            yield 1
        finally:
            raise error

    got: list[BaseException] = []
    try:
        async with merge_streams(fail(errors[0]), fail(errors[1], 50)) as stream:
            await stream.__anext__()
            await anext(stream)
    except ExceptionGroup as group:
        got.extend(group.exceptions)
    except (OSError, ValueError) as alone:
        got.append(alone)
    assert set(got) == set(errors), f"of two errors {got} arrived"


async def clean_up_that_fails_is_heard() -> None:
    async def fail():
        try:
            yield 1
            yield 2
        finally:
            raise OSError

    for name, make in EACH.items():
        try:
            async with make(fail()) as stream:
                await anext(stream)
        except (OSError, ExceptionGroup):
            continue
        assert name in {"buffer", "timed batch"}, f"{name}: a failing clean-up was swallowed"


async def a_plain_generator_is_closed() -> None:
    closed = []

    def items():
        try:
            yield from range(9)
        finally:
            closed.append("closed")

    for make in EACH.values():
        generator = items()  # Kept, or it would be closed by being dropped.
        async with make(generator) as stream:
            await anext(stream)
        assert closed == ["closed"], "a plain generator was left open"
        closed.clear()


async def closing_in_a_cancelled_scope_still_waits_for_the_source() -> None:
    for make in (merge_streams, EACH["timed batch"]):
        source = Source(leaving=2)
        with move_on_after(1.5):
            async with make(source.items()) as stream:
                await anext(stream)
                await sleep(50)
        assert source.open == 0, "the block was left while the source was open"


async def a_source_that_was_cut_short_is_no_end() -> None:
    tasks: list[asyncio.Task] = []

    async def items():
        tasks.append(asyncio.current_task())
        yield 1
        await sleep(50)
        yield 2

    got: list[int] = []

    async def cancel() -> None:
        await sleep(1)
        tasks[0].cancel()

    canceller = asyncio.create_task(cancel())
    try:
        async for item in buffer_stream(items()):
            got.append(item)
    except anyio.BrokenResourceError:
        pass
    else:
        raise AssertionError("a stream whose source was cancelled passed for complete")
    await canceller


async def a_native_cancellation_while_closing_leaves_nothing_open() -> None:
    async def in_a_block(source: Source) -> None:
        async with merge_streams(source.items()) as stream:
            await anext(stream)

    async def by_hand(source: Source) -> None:
        stream = merge_streams(source.items())
        await anext(stream)
        await stream.aclose()

    for consume in (in_a_block, by_hand):
        source = Source(leaving=4)
        task = asyncio.create_task(consume(source))
        for _ in range(2):
            await sleep(2)  # Closing begins after 1, and the source has left after 5.
            task.cancel()
        await asyncio.wait([task])
        assert task.cancelled(), "the cancellation was swallowed"
        assert source.open == 0, "the source was left behind"


async def only_one_may_pull_at_a_time() -> None:
    async with buffer_stream(Source().items()) as stream, TaskGroup() as tg:
        tg.start_soon(stream.__anext__)
        await sleep(0.5)
        try:
            await anext(stream)
        except anyio.BusyResourceError:
            return
        raise AssertionError("two pulled at once")


CHECKS = (
    *(kit(each, note=name, share=0.2) for name, each in KITS.items()),
    explored(a_stream_that_is_left_has_closed_its_source, stalls=0, share=0.2),
    explored(what_was_read_ahead_is_gone_when_a_stream_is_closed, stalls=0),
    explored(a_bare_loop_that_is_cancelled_has_closed_its_source, stalls=0, share=0.2),
    explored(a_bare_loop_that_is_left_closes_its_source, stalls=0, share=0.2),
    explored(an_error_comes_after_the_items_before_it_and_closes_the_source, share=0.2),
    explored(a_stream_that_fails_in_its_own_function_closes_the_source),
    explored(the_first_source_that_fails_ends_the_others, stalls=0),
    explored(several_errors_come_together, stalls=0),
    explored(clean_up_that_fails_is_heard, share=0.2),
    explored(a_plain_generator_is_closed, share=0.2),
    explored(closing_in_a_cancelled_scope_still_waits_for_the_source, stalls=0),
    explored(a_source_that_was_cut_short_is_no_end, backends=NATIVE, stalls=0),
    explored(a_native_cancellation_while_closing_leaves_nothing_open, backends=NATIVE, stalls=0),
    explored(only_one_may_pull_at_a_time, stalls=0),
    *scenarios("streams"),
    *scenarios("natively"),
)
