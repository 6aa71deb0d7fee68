"""A task that is to be cancelled through a scope is, up to its first step, the task it was."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import inspect
import sys

import anyio
import pytest

import simclock
from simclock.on_asyncio.scoped import ScopedCoroutine
from simclock.on_asyncio.tasks import SimulatedTask


async def around(coroutine):
    with anyio.CancelScope():
        return await coroutine


async def answer():
    await asyncio.sleep(0)
    return 42


def test_a_sweep_through_a_task_that_is_cancelled_natively_before_it_begins_finds_nothing():
    async def main():
        with anyio.CancelScope():
            coroutine = answer()
            task = asyncio.ensure_future(coroutine)
            other = asyncio.ensure_future(asyncio.sleep(1))
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
            with contextlib.suppress(asyncio.CancelledError):
                await other

    simclock.explore(main, cancel="tasks", schedules=100)


def test_what_is_thrown_in_before_it_begins_closes_it():
    coroutine = answer()
    scoped = ScopedCoroutine(coroutine, around)

    with pytest.raises(asyncio.CancelledError):
        scoped.throw(asyncio.CancelledError())

    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_closed_before_it_begins_it_is_closed():
    coroutine = answer()

    ScopedCoroutine(coroutine, around).close()

    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_awaited_it_runs_under_its_scope():
    async def main():
        return await ScopedCoroutine(answer(), around)

    assert simclock.run(main) == 42


def test_it_is_seen_as_what_it_stands_for():
    coroutine = answer()
    scoped = ScopedCoroutine(coroutine, around)

    assert (scoped.__name__, scoped.__qualname__) == ("answer", "answer")
    assert inspect.getcoroutinestate(scoped) == inspect.CORO_CREATED
    assert scoped.cr_frame is coroutine.cr_frame
    scoped.close()


async def numbers():
    yield 1
    yield 2


def test_a_sweep_reaches_tasks_that_the_loop_itself_starts():
    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 2)
            async for _ in numbers():
                break  # and the loop closes the generator in a task
        await anyio.sleep(3)

    simclock.explore(main, cancel="tasks", schedules=200)


def test_a_sweep_reaches_tasks_that_a_callback_starts():
    async def main():
        loop, kept = asyncio.get_running_loop(), []
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 2)
            loop.call_soon(lambda: kept.append(loop.create_task(anyio.sleep(2))))
            await anyio.sleep(1)
        await anyio.sleep(9)

    simclock.explore(main, cancel="tasks", schedules=200, stalls=0.0)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_the_tasks_of_anyios_groups_belong_to_the_loop_under_the_eager_factory_too():
    async def main():
        loop, tasks = asyncio.get_running_loop(), []
        loop.set_task_factory(asyncio.eager_task_factory)

        async def child():
            tasks.append(asyncio.current_task())
            await anyio.sleep(1)

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(child)
        assert {type(task) for task in tasks} == {SimulatedTask}

    simclock.explore(main, cancel="tasks", schedules=300)


class Wrapped:
    """Like a coroutine, as far as others have to know."""

    cr_frame = None

    def __init__(self, coroutine):
        self.coroutine = coroutine

    def send(self, value):
        return self.coroutine.send(value)

    def throw(self, *error):
        return self.coroutine.throw(*error)

    def close(self):
        self.coroutine.close()

    def __await__(self):
        return self.coroutine.__await__()


collections.abc.Coroutine.register(Wrapped)


def test_a_sweep_reaches_what_is_only_like_a_coroutine():
    async def main():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.create_task(Wrapped(answer()))

    simclock.explore(main, cancel="tasks", schedules=50)
