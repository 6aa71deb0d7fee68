"""What a run must not leave behind: each verdict with the smallest program that earns it."""

from __future__ import annotations

import asyncio
import gc

import anyio
import pytest

import simclock

HERE = r"at .*test_verdicts\.py:\d+"


def verdict_on(main, kind, **options) -> str:
    with pytest.raises(kind) as caught:
        simclock.run(main, **options)
    return str(caught.value)


def test_a_deadlock_names_every_task_what_it_waits_for_and_where() -> None:
    async def producer(drained: asyncio.Event) -> None:
        await asyncio.sleep(3)
        await drained.wait()

    async def consumer(queue: asyncio.Queue) -> None:
        await queue.get()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(producer(asyncio.Event()))
            group.create_task(consumer(asyncio.Queue()))

    text = verdict_on(main, simclock.DeadlockError)

    assert "nothing can run and no timer is pending (t=3s, step" in text
    for name, what, since in [
        ("main", "TaskGroup.__aexit__", "0s"),
        ("producer", "Event.wait", "3s"),
        ("consumer", "Queue.get", "0s"),
    ]:
        line = next(line for line in text.splitlines() if line.split()[:1] == [name])
        assert what in line
        assert f"since t={since}" in line
        assert "test_verdicts.py:" in line


def test_a_lock_taken_twice_is_a_deadlock() -> None:
    async def main() -> None:
        lock = asyncio.Lock()
        async with lock, lock:
            pass

    assert "Lock.acquire" in verdict_on(main, simclock.DeadlockError)


def test_two_locks_in_opposite_order_deadlock_in_some_schedule_only() -> None:
    async def main() -> None:
        left, right = asyncio.Lock(), asyncio.Lock()

        async def take(first: asyncio.Lock, second: asyncio.Lock, *, before: int) -> None:
            for _ in range(before):
                await asyncio.sleep(0)
            async with first:
                await asyncio.sleep(0)
                async with second:
                    pass

        async with asyncio.TaskGroup() as group:
            group.create_task(take(left, right, before=0))
            group.create_task(take(right, left, before=9))

    simclock.run(main)
    found = simclock.explore(main, schedules=200, on_failure="return").failure

    assert isinstance(found.exception, simclock.DeadlockError)


def test_an_anyio_deadlock_names_the_line_of_the_program() -> None:
    async def main() -> None:
        await anyio.Event().wait()

    assert "test_verdicts.py:" in verdict_on(main, simclock.DeadlockError)


def test_tasks_that_can_never_run_again_after_main_are_a_deadlock() -> None:
    async def stuck() -> None:
        await asyncio.Event().wait()

    async def main() -> asyncio.Task:
        task = asyncio.create_task(stuck())
        await asyncio.sleep(0)
        return task

    text = verdict_on(main, simclock.DeadlockError)

    assert "main has ended, and tasks are left that can never run again" in text
    assert "stuck" in text


def test_a_task_that_outlives_main_is_a_leak() -> None:
    async def straggler() -> None:
        await asyncio.sleep(10)

    async def main() -> asyncio.Task:
        task = asyncio.create_task(straggler())
        await asyncio.sleep(1)
        return task

    text = verdict_on(main, simclock.LeakError)

    assert "main has ended and left tasks behind (t=1s, step" in text
    assert "straggler" in text
    assert "test_verdicts.py:" in text


def test_what_ends_at_the_same_instant_as_main_is_no_leak() -> None:
    async def main() -> str:
        asyncio.get_running_loop().call_soon(lambda: None)
        asyncio.ensure_future(asyncio.sleep(0))
        return "clean"

    assert simclock.run(main) == "clean"


def test_a_callback_pending_after_main_is_a_leak() -> None:
    def expire() -> None:
        """Never come to it."""

    async def main() -> None:
        asyncio.get_running_loop().call_later(30, expire)

    text = verdict_on(main, simclock.LeakError)

    assert "left callbacks pending" in text
    assert "due at t=30s" in text
    assert "expire" in text


def test_an_async_generator_left_suspended_is_a_leak() -> None:
    async def numbers():
        yield 1
        yield 2

    async def main():
        generator = numbers()
        async for _ in generator:
            break
        return generator

    text = verdict_on(main, simclock.LeakError)

    assert "left async generators suspended" in text
    assert "numbers" in text


def test_a_closed_async_generator_is_no_leak() -> None:
    async def numbers():
        yield 1
        yield 2

    async def main() -> int:
        generator = numbers()
        try:
            async for number in generator:
                return number
        finally:
            await generator.aclose()
        return 0

    assert simclock.run(main) == 1


def test_a_failure_that_nobody_looked_at_is_told_with_its_cause() -> None:
    async def failing() -> None:
        raise ValueError("nobody will see this")

    async def main() -> list[asyncio.Task]:
        return [asyncio.create_task(failing()), await asyncio.sleep(1)]

    with pytest.raises(simclock.UnretrievedExceptionError, match="failing") as caught:
        simclock.run(main)

    assert isinstance(caught.value.__cause__, ValueError)


def test_a_dropped_task_that_failed_is_told_too() -> None:
    async def failing() -> None:
        raise ValueError("nobody will see this")

    async def main() -> None:
        asyncio.create_task(failing())
        await asyncio.sleep(1)

    with pytest.raises(simclock.UnretrievedExceptionError) as caught:
        simclock.run(main)

    assert isinstance(caught.value.__cause__, ValueError)


def test_a_failed_future_that_nobody_looked_at_is_told() -> None:
    async def main() -> None:
        asyncio.get_running_loop().create_future().set_exception(ValueError("unseen"))
        await asyncio.sleep(1)

    assert "unseen" in verdict_on(main, simclock.UnretrievedExceptionError)


def test_a_failure_that_was_looked_at_is_no_verdict() -> None:
    async def failing() -> None:
        raise ValueError("seen")

    async def main() -> str:
        task = asyncio.create_task(failing())
        await asyncio.wait([task])
        return str(task.exception())

    assert simclock.run(main) == "seen"


def test_a_coroutine_that_was_never_awaited_is_told_with_its_place() -> None:
    async def save() -> None:
        """Never run."""

    async def main() -> None:
        save()

    text = verdict_on(main, simclock.NeverAwaitedError)

    assert "save" in text
    assert "test_verdicts.py:" in text


def test_a_callback_that_raises_is_told_with_its_cause() -> None:
    def broken() -> None:
        raise KeyError("callback")

    async def main() -> None:
        asyncio.get_running_loop().call_soon(broken)
        await asyncio.sleep(1)

    with pytest.raises(simclock.CallbackError, match="broken") as caught:
        simclock.run(main)

    assert isinstance(caught.value.__cause__, KeyError)


def test_a_handler_set_by_the_program_hears_instead_of_the_verdict() -> None:
    async def main() -> list[str]:
        heard: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: heard.append(context["message"]))
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)
        return heard

    heard = simclock.run(main)

    assert len(heard) == 1
    assert "Exception in callback" in heard[0]


def test_a_task_that_nothing_refers_to_is_collected_and_told() -> None:
    async def forgotten() -> None:
        # The task, its coroutine and this future refer to one another alone.
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        asyncio.create_task(forgotten())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()

    text = verdict_on(main, simclock.LeakError)

    assert "forgotten was destroyed while it was pending" in text


def test_the_error_of_main_comes_before_what_it_left_behind() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_later(5, print)
        raise ValueError("the cause of it all")

    with pytest.raises(ValueError, match="the cause of it all"):
        simclock.run(main)


def test_a_task_that_swallows_cancellation_cannot_hold_up_the_end() -> None:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                pass

    async def main() -> None:
        asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        raise ValueError("the end")

    with pytest.raises(ValueError, match="the end"):
        simclock.run(main)


def test_a_task_that_spins_in_its_cleanup_cannot_hold_up_the_end() -> None:
    async def spinning() -> None:
        try:
            await asyncio.sleep(1)
        finally:
            while True:
                await asyncio.sleep(0)

    async def main() -> None:
        asyncio.create_task(spinning())
        await asyncio.sleep(0)
        raise ValueError("the end")

    with pytest.raises(ValueError, match="the end"):
        simclock.run(main)


def test_a_task_that_waits_for_ever_in_its_cleanup_cannot_hold_up_the_end() -> None:
    async def waiting() -> None:
        try:
            await asyncio.sleep(1)
        finally:
            await asyncio.Event().wait()

    async def main() -> None:
        asyncio.create_task(waiting())
        await asyncio.sleep(0)
        raise ValueError("the end")

    with pytest.raises(ValueError, match="the end"):
        simclock.run(main)


def test_cleanup_at_the_end_may_wait_for_timers() -> None:
    cleaned: list[float] = []

    async def careful() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(5)
            cleaned.append(asyncio.get_running_loop().time())

    async def main() -> None:
        asyncio.create_task(careful())
        await asyncio.sleep(1)
        raise ValueError("the end")

    with pytest.raises(ValueError, match="the end"):
        simclock.run(main)

    assert cleaned == [6]


def test_a_task_goes_by_the_name_that_its_program_gives_it() -> None:
    async def wait_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait_for_ever(), name="peer 10.0.0.1")
            group.create_task(wait_for_ever()).set_name("renamed")
            group.create_task(wait_for_ever())

    text = verdict_on(main, simclock.DeadlockError)

    assert [line.split("  ")[1] for line in text.splitlines()[2:]] == [
        "peer 10.0.0.1",
        "renamed",
        "wait_for_ever",
    ]


@pytest.mark.skipif(
    not hasattr(asyncio, "eager_task_factory"), reason="eager tasks came with Python 3.12"
)
def test_an_eager_task_that_waits_is_not_called_never_started() -> None:
    async def wait_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await asyncio.create_task(wait_for_ever(), name="eager")

    text = verdict_on(main, simclock.DeadlockError)

    assert "eager  waits for a future at " in text
