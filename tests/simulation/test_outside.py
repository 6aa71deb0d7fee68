"""The world knows whether a thread may still bring news, at whatever moment the thread moves."""

from __future__ import annotations

import sys
import threading

import anyio
import pytest
from anyio import from_thread, to_thread
from anyio.lowlevel import checkpoint

import simclock
from simclock.simulation.outside import Outside


@pytest.fixture
def another_thread():
    """A thread that waits until the test is over."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    yield thread
    over.set()
    thread.join()


def test_news_from_a_thread_that_becomes_idle_while_one_looks_are_pending(another_thread):
    def has_work(_thread, _frame):
        outside.post("news")
        return False

    outside = Outside(10.0, has_work=has_work)
    another_thread.start()

    assert outside.is_pending()
    assert outside.take() == ["news"]


def test_an_idle_thread_without_news_is_nothing_pending(another_thread):
    outside = Outside(10.0, has_work=lambda _thread, _frame: False)
    another_thread.start()

    assert not outside.is_pending()


@pytest.fixture
def threads_in_a_hurry():
    """Switch between threads at almost every instruction."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("threads_in_a_hurry")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_thread_that_answers_at_any_moment_is_no_deadlock(backend):
    def work():
        return sum(range(300))

    def ask():
        from_thread.run(checkpoint)
        return from_thread.run_sync(work)

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(to_thread.run_sync, work)
            group.cancel_scope.cancel()
        return await to_thread.run_sync(work), await to_thread.run_sync(ask)

    for _ in range(300):
        assert simclock.run(main, backend=backend) == (44850, 44850)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_threads_that_are_called_until_a_timeout_do_not_keep_it_from_coming(backend):
    async def main():
        async def child():
            while True:
                await to_thread.run_sync(from_thread.run, checkpoint)

        with anyio.move_on_after(2):
            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(child)
        return anyio.current_time()

    assert simclock.run(main, backend=backend) == 2


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_no_time_passes_in_some_hundred_calls_of_threads(backend):
    async def main():
        with anyio.fail_after(2):
            for _ in range(400):
                await to_thread.run_sync(int)
        return anyio.current_time()

    assert simclock.run(main, backend=backend) == 0
