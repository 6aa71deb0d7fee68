"""A consumer cancelled at every step in turn: nothing runs on, nothing stays open."""

from __future__ import annotations

import asyncio
import sys

import anyio
import pytest
from anyio.lowlevel import checkpoint

import simclock
from concurrency.ln import alcall
from concurrency.stream import (
    batch_stream,
    buffer_stream,
    map_stream,
    merge_streams,
    take_stream,
    throttle_stream,
)

# No scenario takes as many steps; one that does not end is stopped here.
STEPS_MAX = 200


class Sources:
    """Finite sources that tell which of them are open; their clean-up awaits."""

    def __init__(self):
        self.open = set()

    async def short(self, name):
        self.open.add(name)
        try:
            for number in range(3):
                await checkpoint()
                yield number
                await checkpoint()
        finally:
            try:
                await checkpoint()
            finally:
                self.open.discard(name)


MAKERS = {
    "merge": lambda s: merge_streams(s.short("a"), s.short("b")),
    "buffer": lambda s: buffer_stream(s.short("a"), 2),
    "batch": lambda s: batch_stream(s.short("a"), 2),
    "timed batch": lambda s: batch_stream(s.short("a"), 2, timeout=5),
    "throttle": lambda s: throttle_stream(s.short("a"), 1e9),
    "map": lambda s: map_stream(s.short("a"), checkpointed),
    "nested": lambda s: take_stream(buffer_stream(merge_streams(s.short("a"), s.short("b"))), 5),
}


async def checkpointed(item):
    await checkpoint()
    return item


async def bare(make, sources):
    try:
        async for _ in make(sources):
            pass
    finally:
        assert not sources.open


async def under_async_with(make, sources):
    try:
        async with make(sources) as stream:
            async for _ in stream:
                pass
    finally:
        assert not sources.open


async def left_early(make, sources):
    async for _ in make(sources):
        break
    await checkpoint()
    async with make(sources) as stream:
        async for _ in stream:
            break
    await checkpoint()


async def listed(make, sources):
    await alcall(range(4), checkpointed, max_concurrent=2, return_exceptions=True)


async def nothing_is_left(sources):
    for _ in range(60):
        await checkpoint()
    assert not sources.open
    names = [task.name or "" for task in anyio.get_running_tasks()]
    assert not [name for name in names if "pump" in name or "closing" in name], names


async def cancelled_natively_after(steps, scenario, make):
    sources = Sources()
    task = asyncio.ensure_future(scenario(make, sources))
    for _ in range(steps):
        await asyncio.sleep(0)
    was_done = task.done()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    else:
        assert was_done, "the cancellation was lost"
    await nothing_is_left(sources)
    return was_done


async def cancelled_by_a_scope_after(steps, scenario, make):
    sources = Sources()
    was_done = False

    async def consume():
        nonlocal was_done
        await scenario(make, sources)
        was_done = True

    async with anyio.create_task_group() as tg:
        tg.start_soon(consume)
        for _ in range(steps):
            await checkpoint()
        ended = was_done
        tg.cancel_scope.cancel()
    await nothing_is_left(sources)
    return ended


def sweep(run_once):
    """Cancel one step later each time, until the scenario ends before it is cancelled."""
    for steps in range(STEPS_MAX):
        if run_once(steps):
            assert steps > 2
            return
    raise AssertionError("the scenario does not end")


CASES = [(scenario, make) for make in MAKERS for scenario in (bare, under_async_with, left_early)]
CASES.append((listed, "merge"))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(("scenario", "make"), CASES)
def test_a_scope_may_be_cancelled_at_every_step(backend, scenario, make):
    sweep(
        lambda steps: anyio.run(
            cancelled_by_a_scope_after, steps, scenario, MAKERS[make], backend=backend
        )
    )


@pytest.mark.parametrize(("scenario", "make"), CASES)
def test_a_task_may_be_cancelled_natively_at_every_step(scenario, make):
    sweep(lambda steps: asyncio.run(cancelled_natively_after(steps, scenario, MAKERS[make])))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
@pytest.mark.parametrize(("scenario", "make"), CASES)
def test_an_eager_task_may_be_cancelled_natively_at_every_step(scenario, make):
    async def main(steps):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return await cancelled_natively_after(steps, scenario, MAKERS[make])

    sweep(lambda steps: asyncio.run(main(steps)))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_timed_batch_is_full_or_due_or_the_last_even_if_pump_and_consumer_are_cancelled(backend):
    async def numbers():
        for number in range(6):
            await anyio.sleep(1)
            yield number

    async def consume(batches):
        async with batch_stream(numbers(), 2, timeout=1e6) as stream:
            async for batch in stream:
                batches.append(batch)

    async def main():
        batches = []

        async def cancel_soon(scope):
            await anyio.sleep(1)
            for _ in range(4):
                await checkpoint()
            scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(consume, batches)
            group.start_soon(cancel_soon, group.cancel_scope)
        assert batches == []

    # No stalls: a batch that is a million seconds old is due.
    simclock.explore(main, backend=backend, schedules=300, stalls=0.0)
