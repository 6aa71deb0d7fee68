"""Lock and RLock: order, ownership, timeouts."""

from __future__ import annotations

import math

import anyio
import anyio.lowlevel
import pytest

from concurrency import Lock, RLock, TaskGroup

BACKENDS = ("asyncio", "trio")
both = pytest.mark.parametrize("backend", BACKENDS)


async def waiters_are_served_in_the_order_they_came() -> None:
    lock = Lock()
    came: list[int] = []
    served: list[int] = []

    async def wait(number: int) -> None:
        came.append(number)
        async with lock:
            served.append(number)
            await anyio.lowlevel.checkpoint()

    async with lock, TaskGroup() as tg:
        for number in range(5):
            tg.start_soon(wait, number)
        await anyio.wait_all_tasks_blocked()
        lock.release()
        # Released and asked for again: this task now stands behind the others.
        await lock.acquire()
        assert served == came


async def a_cancelled_waiter_leaves_the_line() -> None:
    lock = Lock()
    async with lock, TaskGroup() as tg:
        first = tg.spawn(lock.acquire)
        second = tg.spawn(hold_once, lock)
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        await anyio.wait_all_tasks_blocked()
        lock.release()
        await second.wait()
        assert not lock.locked()
        await lock.acquire()


async def hold_once(lock: Lock) -> None:
    async with lock:
        await anyio.lowlevel.checkpoint()


async def a_lock_nobody_has_used_answers_like_a_free_one() -> None:
    lock = Lock()
    assert not lock.locked()
    assert not lock.held_by_current_task()
    assert lock.statistics() == anyio.LockStatistics(locked=False, owner=None, tasks_waiting=0)
    with pytest.raises(RuntimeError, match=r"not holding|release"):
        lock.release()
    # Not awaited, it has taken nothing.
    lock.acquire().close()
    assert not lock.locked()


async def a_free_lock_is_had_even_without_time() -> None:
    lock = Lock()
    assert await lock.acquire(timeout=0)
    lock.release()
    assert await lock.acquire(timeout=-1)


async def a_held_lock_times_out() -> None:
    lock = Lock()
    async with lock, TaskGroup() as tg:
        handle = tg.spawn(try_for, lock, 0.001)
        assert await handle.wait() is False
        assert lock.statistics().tasks_waiting == 0


async def try_for(lock: Lock | RLock, timeout: float) -> bool:
    return await lock.acquire(timeout=timeout)


async def a_cancelled_scope_is_noticed_on_a_free_lock() -> None:
    lock = Lock()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await lock.acquire()
    assert scope.cancelled_caught
    assert not lock.locked()


async def only_the_holder_releases() -> None:
    lock = Lock()
    rlock = RLock()

    async def release_both() -> None:
        for held in (lock, rlock):
            with pytest.raises(RuntimeError):
                held.release()

    async with lock, rlock, TaskGroup() as tg:
        tg.start_soon(release_both)


async def an_rlock_is_free_after_as_many_releases() -> None:
    lock = RLock()
    async with TaskGroup() as tg:
        async with lock:
            assert await lock.acquire(timeout=0)
            lock.acquire_nowait()
            lock.release()
            lock.release()
            assert lock.locked()
            assert await tg.spawn(try_for, lock, 0).wait() is False
        assert not lock.locked()
        assert await tg.spawn(try_for, lock, 0).wait() is True


SCENARIOS = [
    waiters_are_served_in_the_order_they_came,
    a_cancelled_waiter_leaves_the_line,
    a_lock_nobody_has_used_answers_like_a_free_one,
    a_free_lock_is_had_even_without_time,
    a_held_lock_times_out,
    a_cancelled_scope_is_noticed_on_a_free_lock,
    only_the_holder_releases,
    an_rlock_is_free_after_as_many_releases,
]


@both
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_lock(scenario, backend) -> None:
    anyio.run(scenario, backend=backend)


@both
@pytest.mark.parametrize("make", [Lock, RLock])
def test_a_timeout_that_is_no_number_is_refused(make, backend) -> None:
    async def main() -> None:
        for wrong, error in (("1", TypeError), (True, TypeError), (math.nan, ValueError)):
            with pytest.raises(error, match="timeout must be"):
                await make().acquire(timeout=wrong)

    anyio.run(main, backend=backend)
