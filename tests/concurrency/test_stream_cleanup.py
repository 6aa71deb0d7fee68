"""Every way to leave a stream: nothing runs on, nothing stays open, nothing fails unheard."""

from __future__ import annotations

import gc

import anyio
import pytest
from anyio.lowlevel import checkpoint

from concurrency.resource_tracker import LeakTracker
from concurrency.stream import (
    Stream,
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


class Sources:
    """Endless sources that tell which of them are open."""

    def __init__(self):
        self.open = set()

    async def endless(self, name):
        self.open.add(name)
        try:
            while True:
                await checkpoint()
                yield name
        finally:
            self.open.discard(name)

    def two(self):
        return self.endless("a"), self.endless("b")


async def everything_settled():
    """Let all others run until they have nothing left to do."""
    for _ in range(30):
        await checkpoint()
    # Where time is simulated it passes only once nobody can run.
    await anyio.sleep(0.0001)


async def break_closes_a_bare_loop(make):
    sources = Sources()
    before = len(anyio.get_running_tasks())
    gc.disable()
    try:
        async for _ in make(*sources.two()):
            assert sources.open
            break
        await everything_settled()
        assert not sources.open
        # trio's own finaliser task may still be counted; ours are gone.
        names = [task.name for task in anyio.get_running_tasks()]
        assert not [name for name in names if name and "pump" in name], names
        assert len(names) <= before + 1
    finally:
        gc.enable()


def test_break_closes_a_bare_loop_without_the_collector(backend, make):
    anyio.run(break_closes_a_bare_loop, make, backend=backend)


async def break_closes_a_stream_that_has_another_name(make):
    sources = Sources()
    stream = make(*sources.two())
    async for _ in stream:
        break
    await everything_settled()
    assert not sources.open
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


def test_break_closes_a_stream_that_has_another_name(backend, make):
    anyio.run(break_closes_a_stream_that_has_another_name, make, backend=backend)


async def leaving_the_block_closes_at_once(make):
    sources = Sources()
    async with make(*sources.two()) as stream:
        async for _ in stream:
            break
        assert sources.open
    # Not one checkpoint later: now.
    assert not sources.open


def test_leaving_the_block_closes_at_once(backend, make):
    anyio.run(leaving_the_block_closes_at_once, make, backend=backend)


async def an_error_in_the_body_arrives_as_it_is(make):
    sources = Sources()
    with pytest.raises(ZeroDivisionError):
        async with make(*sources.two()) as stream:
            async for _ in stream:
                raise ZeroDivisionError
    assert not sources.open
    with pytest.raises(ZeroDivisionError):
        async for _ in make(*sources.two()):
            raise ZeroDivisionError
    await everything_settled()
    assert not sources.open


def test_an_error_in_the_body_arrives_as_it_is(backend, make):
    anyio.run(an_error_in_the_body_arrives_as_it_is, make, backend=backend)


async def a_cancelled_pull_closes_before_it_is_felt(make):
    stuck = anyio.Event()
    open_sources = set()

    async def blocking(name):
        open_sources.add(name)
        try:
            yield name
            stuck.set()
            await anyio.sleep_forever()
        finally:
            open_sources.discard(name)

    async def consume():
        nonlocal open_at_the_end
        try:
            async for _ in make(blocking("a"), blocking("b")):
                pass
        finally:
            # Seen on the very way out, before anything else has run.
            open_at_the_end = set(open_sources)

    open_at_the_end = None
    async with anyio.create_task_group() as tg:
        tg.start_soon(consume)
        await stuck.wait()
        await everything_settled()
        tg.cancel_scope.cancel()
    assert open_at_the_end == set()


def test_a_cancelled_pull_closes_before_it_is_felt(backend, make):
    anyio.run(a_cancelled_pull_closes_before_it_is_felt, make, backend=backend)


async def an_ended_stream_has_closed_everything(make):
    closed = []

    async def short(name):
        try:
            yield name
            yield name
        finally:
            closed.append(name)

    with LeakTracker():
        async for _ in make(short("a"), short("b")):
            pass
    assert "a" in closed


def test_an_ended_stream_has_closed_everything(backend, make):
    anyio.run(an_ended_stream_has_closed_everything, make, backend=backend)


async def the_run_may_end_while_a_stream_is_held(make):
    sources = Sources()
    stream = make(*sources.two())
    await anext(stream)
    held.append(stream)


held: list[Stream] = []


def test_the_run_may_end_while_a_stream_is_held(backend, make):
    anyio.run(the_run_may_end_while_a_stream_is_held, make, backend=backend)
    held.clear()


# --- the planted bug of merge: tasks that nobody owns


async def naive_merge_with_loose_tasks(*sources):
    """Start tasks and forget them when the consumer leaves."""
    import asyncio

    send, receive = anyio.create_memory_object_stream(1)

    async def pump(source):
        async for item in source:
            await send.send(item)

    tasks = [asyncio.ensure_future(pump(source)) for source in sources]
    loose.extend([*tasks, send, receive])
    while True:
        yield await receive.receive()


loose: list[object] = []


def test_a_merge_that_leaks_its_tasks_is_caught():
    async def main():
        try:
            await break_closes_a_bare_loop(naive_merge_with_loose_tasks)
        finally:
            *tasks, send, receive = loose
            loose.clear()
            for task in tasks:
                task.cancel()
            await everything_settled()
            send.close()
            receive.close()

    with pytest.raises(AssertionError):
        anyio.run(main, backend="asyncio")


# --- the planted bug of buffer: a task group held open between two pulls


async def naive_buffer_in_a_generator(stream, *_):
    """Hold a task group across the yields: its scope lands on the consumer's stack."""
    send, receive = anyio.create_memory_object_stream(2)

    async def pump():
        async for item in stream:
            await send.send(item)

    async with send, receive, anyio.create_task_group() as tg:
        tg.start_soon(pump)
        async for item in receive:
            yield item


async def scopes_around_a_bare_loop_stay_in_order(make):
    sources = Sources()
    with anyio.move_on_after(5):
        stream = make(*sources.two())
        async for _ in stream:
            break
    await everything_settled()
    assert not sources.open


def test_scopes_around_a_bare_loop_stay_in_order(backend, make):
    anyio.run(scopes_around_a_bare_loop_stay_in_order, make, backend=backend)


def test_a_task_group_in_a_generator_is_caught():
    with pytest.raises(BaseException) as caught:
        anyio.run(
            scopes_around_a_bare_loop_stay_in_order, naive_buffer_in_a_generator, backend="asyncio"
        )
    assert not isinstance(caught.value, KeyboardInterrupt)


# --- a source between two items is closed in peace


async def cleanup_may_await(make):
    """The generator's clean-up awaits; nothing was cancelled, so nothing may cut it short."""
    ended = []

    async def source():
        try:
            while True:
                yield 1
        finally:
            await checkpoint()
            await checkpoint()
            ended.append("ended")

    async with make(source()) as stream:
        await anext(stream)
        await everything_settled()
    assert ended == ["ended"]
    async for _ in make(source()):
        await everything_settled()
        break
    await everything_settled()
    assert ended == ["ended", "ended"]


def test_cleanup_may_await_after_break(backend, make):
    anyio.run(cleanup_may_await, make, backend=backend)


async def break_at_the_very_end_of_the_run(make, awaits):
    async def source():
        try:
            while True:
                await checkpoint()
                yield 1
        finally:
            begun.append(True)
            for _ in range(awaits):
                await checkpoint()

    async for _ in make(source()):
        break


begun: list[bool] = []


@pytest.mark.parametrize("awaits", [0, 1, 50])
def test_break_at_the_very_end_of_the_run_warns_of_nothing(backend, make, awaits, caplog):
    begun.clear()
    anyio.run(break_at_the_very_end_of_the_run, make, awaits, backend=backend)
    gc.collect()
    assert begun == [True]
    assert caplog.text == ""
