"""Worker threads under trio: real work in real time, while virtual time stands still."""

from __future__ import annotations

import threading

import pytest
import trio
import trio.testing

from simclock.errors import DeadlockError, WallTimeError
from simclock.kernel import Limits


def pause(seconds):
    """Spend real time in a way that no simulation sees through."""
    import select

    select.select([], [], [], seconds)


def test_a_thread_works_while_virtual_time_stands_still(value):
    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1)
            result = await trio.to_thread.run_sync(lambda: pause(0.05) or 42)
            return result, trio.current_time()

    assert value(main) == (42, 0)


def test_many_jobs_one_after_the_other_all_come_back(value):
    async def main():
        return [await trio.to_thread.run_sync(lambda n=n: n * n) for n in range(50)]

    assert value(main) == [n * n for n in range(50)]


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_jobs_side_by_side_all_come_back(value, seed):
    async def main():
        results = []

        async def job(number):
            results.append(await trio.to_thread.run_sync(lambda: pause(0.001) or number))

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(job, number)
        return sorted(results)

    assert value(main, seed=seed) == list(range(10))


def test_an_error_in_a_thread_is_raised_where_it_was_awaited(run):
    def fail():
        raise ValueError("in the thread")

    async def main():
        await trio.to_thread.run_sync(fail)

    assert repr(run(main).failure) == "ValueError('in the thread')"


def test_a_thread_may_ask_trio_to_sleep_and_virtual_time_passes(value):
    def job():
        trio.from_thread.run(trio.sleep, 10)
        return trio.from_thread.run_sync(trio.current_time)

    async def main():
        return await trio.to_thread.run_sync(job), trio.current_time()

    assert value(main) == (10, 10)


def test_a_thread_that_asks_may_work_on_with_the_answer(value):
    def job():
        answers = []
        for _ in range(20):
            answers.append(trio.from_thread.run_sync(trio.current_time))
            pause(0.001)
        return answers

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 5)
            return await trio.to_thread.run_sync(job)

    assert value(main) == [0.0] * 20


def test_a_foreign_thread_reaches_the_run_through_its_token(value):
    async def main():
        token = trio.lowlevel.current_trio_token()
        heard = []
        event = trio.Event()

        def foreign():
            pause(0.02)
            trio.from_thread.run_sync(heard.append, "sync", trio_token=token)
            trio.from_thread.run(trio.sleep, 3, trio_token=token)
            token.run_sync_soon(event.set)

        thread = threading.Thread(target=foreign)
        thread.start()
        await event.wait()
        await trio.to_thread.run_sync(thread.join)
        return heard, trio.current_time()

    assert value(main) == (["sync"], 3)


def test_what_the_program_sends_itself_is_heard_at_a_fixed_place(run):
    async def main():
        heard = []
        token = trio.lowlevel.current_trio_token()

        async def busy(name):
            for _ in range(3):
                heard.append(name)
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(busy, "a")
            nursery.start_soon(busy, "b")
            token.run_sync_soon(heard.append, "soon")
            token.run_sync_soon(heard.append, "once", idempotent=True)
            token.run_sync_soon(heard.append, "once", idempotent=True)
        return heard

    assert run(main).value == ["a", "b", "soon", "once", "a", "b", "a", "b"] or run(main).value == [
        "a",
        "b",
        "a",
        "b",
        "soon",
        "once",
        "a",
        "b",
    ]
    for seed in range(10):
        assert run(main, seed=seed).value == run(main, seed=seed).value


def test_a_thread_that_hangs_is_named_when_the_patience_of_the_run_ends(run):
    release = threading.Event()

    def hang():
        while not release.is_set():
            pause(0.01)

    async def main():
        await trio.to_thread.run_sync(hang, abandon_on_cancel=True)

    outcome = run(main, limits=Limits(wall_time=0.1))
    release.set()

    assert isinstance(outcome.failure, WallTimeError)
    assert "test_threads.py" in str(outcome.failure) or "pause" in str(outcome.failure)


def test_a_run_ends_although_a_thread_cannot_be_abandoned(run):
    release = threading.Event()

    def hang():
        while not release.is_set():
            pause(0.01)

    async def main():
        await trio.to_thread.run_sync(hang)

    outcome = run(main, limits=Limits(wall_time=0.1))
    release.set()

    assert isinstance(outcome.failure, WallTimeError)
    assert run(trio.sleep, 1).failure is None


def test_a_thread_that_waits_for_a_task_is_not_waited_for(value):
    async def main():
        go = threading.Event()

        async def later():
            await trio.sleep(5)
            go.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(later)
            await trio.to_thread.run_sync(go.wait)
        return trio.current_time()

    assert value(main) == 5


def test_a_task_and_a_thread_that_wait_for_each_other_are_a_deadlock(run):
    release = threading.Event()

    async def main():
        await trio.to_thread.run_sync(release.wait, abandon_on_cancel=True)

    outcome = run(main)
    release.set()

    assert isinstance(outcome.failure, DeadlockError)


def test_waiting_until_all_are_blocked_does_not_wait_for_threads(value):
    async def main():
        go = threading.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, go.wait)
            await trio.testing.wait_all_tasks_blocked()
            go.set()
        return "both ended"

    assert value(main) == "both ended"


def test_stock_runs_use_the_same_threads_before_and_after(value):
    async def main():
        return await trio.to_thread.run_sync(lambda: "answer")

    assert trio.run(main) == value(main) == trio.run(main) == "answer"
