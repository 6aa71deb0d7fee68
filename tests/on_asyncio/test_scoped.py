"""A task that is to be cancelled through a scope is, up to its first step, the task it was."""

from __future__ import annotations

import asyncio
import contextlib
import inspect

import anyio
import pytest

import simclock
from simclock.on_asyncio.scoped import ScopedCoroutine


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
