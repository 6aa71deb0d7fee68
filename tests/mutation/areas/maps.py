"""Checks of bounded_map, map_async and CompletionStream."""

# ruff: noqa: PT017 - These programs run without pytest.

from __future__ import annotations

import asyncio
import contextlib

from areas.groups import Interrupt, Work
from areas.patterns import leave
from checking import NATIVE, explored, scenarios

import simclock
from concurrency import (
    CancelScope,
    CompletionStream,
    TaskGroup,
    bounded_map,
    current_time,
    map_async,
    move_on_after,
    sleep,
)


async def _map_within(limit: int) -> None:
    running = most = done = 0

    def items():
        for number in range(1, 7):
            assert number <= done + limit, "an item was read without a place for it"
            yield number

    async def call(item: int) -> int:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await sleep(item % 3)
        running -= 1
        done += 1
        return -item

    assert await bounded_map(call, items(), limit=limit) == [-1, -2, -3, -4, -5, -6]
    assert most == limit


async def a_map_reads_and_runs_no_more_than_its_limit() -> None:
    for limit in (1, 2):
        await _map_within(limit)


async def mapped_failures_come_in_the_order_of_the_items_and_end_the_rest() -> None:
    errors = [OSError("first"), ValueError("second")]

    async def call(item: int) -> int:
        if item == 0:
            await leave(50, errors[0])
        await Work().after(item, errors[1] if item == 1 else None)
        return item

    for mapping in (lambda *args: bounded_map(*args, limit=3), map_async):
        began = current_time()
        try:
            await mapping(call, [0, 1, 50])
        except ExceptionGroup as group:
            assert list(group.exceptions) == errors
        else:
            raise AssertionError("failures were swallowed")
        assert current_time() == began + 2
    # A failure keeps no place, and is a result if that was asked for.
    results = await bounded_map(call, [1, 1, 2, 3], limit=1, return_exceptions=True)
    assert results == [errors[1], errors[1], 2, 3]


async def a_failing_source_and_an_interrupt_are_always_raised() -> None:
    def items():
        yield 1
        raise LookupError("the source")

    for returned in (False, True):
        try:
            await bounded_map(Work().after, items(), limit=2, return_exceptions=returned)
        except ExceptionGroup as group:
            assert [type(each) for each in group.exceptions] == [LookupError]
        else:
            raise AssertionError("a failing source passed for one that ends")

    async def interrupt(seconds: int) -> None:
        await Work().after(seconds, Interrupt())

    try:
        await bounded_map(interrupt, [1, 50], limit=2, return_exceptions=True)
    except Interrupt:
        return
    raise AssertionError("an interrupt became a result")


async def a_mapped_failure_beats_a_cancellation() -> None:
    error = OSError()

    async def call(item: int) -> None:
        await (leave(50) if item else Work().after(1, error))

    with move_on_after(1.5):
        try:
            await bounded_map(call, [0, 1], limit=2)
        except ExceptionGroup as group:
            assert list(group.exceptions) == [error]
            return
    raise AssertionError("the failure was lost behind the cancellation")


async def nothing_is_read_after_a_cancellation() -> None:
    cancelled = False

    def items():
        while True:
            assert not cancelled, "an item was read after all were cancelled"
            yield 1

    async def cancel(scope: CancelScope) -> None:
        nonlocal cancelled
        await sleep(1)
        cancelled = True
        scope.cancel()

    async with TaskGroup() as tg:
        with CancelScope() as scope:
            tg.start_soon(cancel, scope)
            await bounded_map(sleep, items(), limit=1)


async def reading_lets_others_run() -> None:
    def items():
        first = simclock.current().step
        yield from range(300)
        assert simclock.current().step > first, "three hundred items were read in one step"

    await map_async(sleep, items())


async def a_stream_hands_results_out_as_they_complete_each_once() -> None:
    got: list[tuple[int, float]] = []
    works = [Work().after(seconds) for seconds in (3, 1, 2, 4)]
    async with CompletionStream(works, limit=3) as stream:
        await sleep(2.5)
        with contextlib.suppress(StopAsyncIteration):
            while True:
                with CancelScope() as scope:
                    scope.cancel()
                    # A cancelled pull may still have a result, but never loses one.
                    got.append(await anext(stream))
                got.append(await anext(stream))
    assert got == [(1, 1), (2, 2), (0, 3), (3, 4)], f"{got}"


async def a_stream_left_early_ends_what_runs() -> None:
    work = Work()
    async with CompletionStream([work.after(s) for s in (1, 50, 60, 70)], limit=2) as stream:
        async for index, _ in stream:
            assert index == 0
            break
    assert current_time() == 1
    assert "50 cancelled" in work.ends


async def a_streams_failure_ends_the_rest_and_is_raised_in_the_loop() -> None:
    error, got = OSError(), []
    try:
        async with CompletionStream([Work().after(1), Work().after(2, error), leave(50)]) as stream:
            try:
                async for index, _ in stream:
                    got.append(index)
            except ExceptionGroup as group:
                assert list(group.exceptions) == [error]
                got.append("raised")
    finally:
        assert current_time() == 3
    assert got == [0, "raised"]


async def a_failure_nobody_came_to_is_raised_on_leaving() -> None:
    error = OSError()
    try:
        async with CompletionStream([Work().after(1, error), Work().after(50)]):
            await sleep(5)
    except ExceptionGroup as group:
        assert list(group.exceptions) == [error]
    else:
        raise AssertionError("what failed unseen was swallowed")


async def a_cancelled_stream_is_not_complete() -> None:
    got: list[int] = []
    complete = False
    with move_on_after(1) as scope:
        async with CompletionStream([Work().after(s) for s in (1, 1, 50)], limit=2) as stream:
            got.extend([index async for index, _ in stream])
            complete = True
    assert scope.cancelled_caught
    assert not complete, "a stream that was cancelled ended like one that is complete"


async def what_never_began_is_closed() -> None:
    before = asyncio.all_tasks()

    async def through_a_map() -> None:
        await bounded_map(Work().after, [1, 2, 3], limit=2)

    async def through_a_stream() -> None:
        async with CompletionStream([Work().after(1), Work().after(2)], limit=1) as stream:
            async for _ in stream:
                pass

    for caller in (through_a_map, through_a_stream):
        task = asyncio.create_task(caller())
        for _ in range(3):
            await asyncio.sleep(0)
            new = asyncio.all_tasks() - before - {task}
            for each in sorted(new, key=lambda each: each.get_name()):
                each.cancel()
        await asyncio.wait([task], timeout=90)
        assert task.done()
        task.exception() if not task.cancelled() else None


CHECKS = (
    explored(a_map_reads_and_runs_no_more_than_its_limit, stalls=0),
    explored(mapped_failures_come_in_the_order_of_the_items_and_end_the_rest, stalls=0),
    explored(a_failing_source_and_an_interrupt_are_always_raised, stalls=0),
    explored(a_mapped_failure_beats_a_cancellation, stalls=0),
    explored(nothing_is_read_after_a_cancellation),
    explored(reading_lets_others_run, share=0.02),
    explored(a_stream_hands_results_out_as_they_complete_each_once, stalls=0),
    explored(a_stream_left_early_ends_what_runs, stalls=0),
    explored(a_streams_failure_ends_the_rest_and_is_raised_in_the_loop, stalls=0),
    explored(a_failure_nobody_came_to_is_raised_on_leaving, stalls=0),
    explored(a_cancelled_stream_is_not_complete, stalls=0, share=5),
    explored(what_never_began_is_closed, backends=NATIVE, stalls=0),
    *scenarios("patterns"),
    *scenarios("natively"),
)
