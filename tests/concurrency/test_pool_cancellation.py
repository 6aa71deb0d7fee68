"""A thread cannot be stopped: what becomes of it when its caller is cancelled."""

from __future__ import annotations

import contextvars
import logging
import subprocess
import sys
import threading

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
from anyio.lowlevel import checkpoint

from concurrency.pool import (
    ThreadPool,
    run_in_thread,
)
from concurrency.resource_tracker import LeakTracker, ResourceLeakError

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


async def everything_settled():
    """Let all others run until they have nothing left to do."""
    for _ in range(30):
        await checkpoint()
    # Where time is simulated it passes only once nobody can run.
    await anyio.sleep(0.0001)


@pytest.fixture
def gate():
    """A gate that threads wait at; opened at the end, so that no failing test hangs."""
    opened = threading.Event()
    yield opened
    opened.set()


# --- threads: cancellation


async def a_waiting_call_that_is_cancelled_never_begins(gate):
    begun = []
    pool = ThreadPool(1)
    async with anyio.create_task_group() as tg:
        tg.start_soon(pool.run, gate.wait, 2)
        await everything_settled()
        with anyio.move_on_after(0.001) as scope:
            await pool.run(begun.append, "never")
        assert scope.cancelled_caught
        gate.set()
    assert begun == []
    assert await pool.run(lambda: "free again") == "free again"


def test_a_waiting_call_that_is_cancelled_never_begins(backend, gate):
    anyio.run(a_waiting_call_that_is_cancelled_never_begins, gate, backend=backend)


async def a_begun_call_is_waited_for_and_its_result_kept():
    def work():
        anyio.from_thread.run_sync(scope.cancel)
        return "result"

    with anyio.CancelScope() as scope:
        kept = await run_in_thread(work)
        await anyio.sleep_forever()
    assert kept == "result"
    assert scope.cancelled_caught


def test_a_begun_call_is_waited_for_and_its_result_kept(backend):
    anyio.run(a_begun_call_is_waited_for_and_its_result_kept, backend=backend)


async def a_thread_can_ask_whether_it_is_cancelled():
    begun = threading.Event()

    def work():
        begun.set()
        for _ in range(1000):
            anyio.from_thread.check_cancelled()
            threading.Event().wait(0.001)
        return "never asked to stop"

    async with anyio.create_task_group() as tg:
        tg.start_soon(run_in_thread, work)
        await anyio.to_thread.run_sync(begun.wait)
        tg.cancel_scope.cancel()


def test_a_thread_can_ask_whether_it_is_cancelled(backend):
    anyio.run(a_thread_can_ask_whether_it_is_cancelled, backend=backend)


async def native_cancellation_waits_for_the_thread(run):
    import asyncio

    begun = threading.Event()
    released = threading.Event()
    ended = []

    def work():
        begun.set()
        released.wait(2)
        ended.append(True)

    task = asyncio.ensure_future(run(work))
    await anyio.to_thread.run_sync(begun.wait)
    task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    still_waiting = not task.done()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert still_waiting
    assert ended == [True]


@pytest.mark.parametrize("run", [run_in_thread, ThreadPool(1).run])
def test_native_cancellation_waits_for_the_thread(run):
    anyio.run(native_cancellation_waits_for_the_thread, run, backend="asyncio")


def test_a_thread_left_behind_by_native_cancellation_is_caught():
    with pytest.raises(AssertionError):
        anyio.run(
            native_cancellation_waits_for_the_thread, anyio.to_thread.run_sync, backend="asyncio"
        )


async def the_limit_holds_through_native_cancellation():
    import asyncio

    begun, released = threading.Event(), threading.Event()
    pool = ThreadPool(1)

    def work():
        begun.set()
        released.wait(2)

    first = asyncio.ensure_future(pool.run(work))
    await anyio.to_thread.run_sync(begun.wait)
    first.cancel()
    second = asyncio.ensure_future(pool.run(released.is_set))
    await asyncio.sleep(0.003)
    assert not second.done()
    released.set()
    assert await second is True
    with pytest.raises(asyncio.CancelledError):
        await first


def test_the_limit_holds_through_native_cancellation():
    anyio.run(the_limit_holds_through_native_cancellation, backend="asyncio")


def test_an_error_that_native_cancellation_displaces_is_told(caplog):
    import asyncio

    async def main():
        begun, released = threading.Event(), threading.Event()

        def work():
            begun.set()
            released.wait(2)
            raise ValueError("displaced")

        task = asyncio.ensure_future(run_in_thread(work))
        await anyio.to_thread.run_sync(begun.wait)
        task.cancel()
        await asyncio.sleep(0.001)
        released.set()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        return caught.value.__notes__

    with caplog.at_level(logging.ERROR, "concurrency"):
        notes = asyncio.run(main())
    assert "displaced" in notes[0]
    assert "displaced" in caplog.text


async def an_abandoned_thread_is_reported_and_keeps_its_place(gate):
    begun = threading.Event()
    pool = ThreadPool(1, abandon_on_cancel=True)

    def stubborn():
        begun.set()
        gate.wait(2)

    tracker = LeakTracker()
    with pytest.raises(ResourceLeakError, match="stubborn"), tracker:
        async with anyio.create_task_group() as tg:
            tg.start_soon(pool.run, stubborn)
            await anyio.to_thread.run_sync(begun.wait)
            tg.cancel_scope.cancel()
    assert [leak.kind for leak in tracker.check_leaks()] == ["thread"]
    with anyio.move_on_after(0.002) as scope:
        await pool.run(int)
    assert scope.cancelled_caught
    gate.set()
    assert await pool.run(lambda: "free again") == "free again"


def test_an_abandoned_thread_is_reported_and_keeps_its_place(backend, gate, caplog):
    with caplog.at_level(logging.WARNING, "concurrency"):
        anyio.run(an_abandoned_thread_is_reported_and_keeps_its_place, gate, backend=backend)
    assert "stubborn" in caplog.text
    assert "abandoned" in caplog.text


ABANDONED_AT_THE_END = """
import threading, anyio
from concurrency import TaskGroup, ThreadPool

async def main():
    begun, opened = threading.Event(), threading.Event()
    pool = ThreadPool(1, abandon_on_cancel=True)
    async with TaskGroup() as tg:
        call = tg.spawn(pool.run, lambda: (begun.set(), opened.wait()))
        await anyio.to_thread.run_sync(begun.wait)
        call.cancel()
    opened.set()

for _ in range(200):
    anyio.run(main, backend={backend!r})
"""


def test_an_abandoned_thread_that_ends_with_its_loop_does_not_hold_up_the_process(backend):
    done = subprocess.run(
        [sys.executable, "-c", ABANDONED_AT_THE_END.format(backend=backend)],
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
