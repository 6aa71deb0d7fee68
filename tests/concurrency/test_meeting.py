"""Event, Condition and Barrier: nobody passes early, nobody is left behind."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from concurrency import Barrier, BrokenBarrierError, Condition, Event, Lock, RLock, TaskGroup

BACKENDS = ("asyncio", "trio")
both = pytest.mark.parametrize("backend", BACKENDS)


class CountingBarrier:
    """Planted bug: a party that times out is still counted, so it opens one short."""

    def __init__(self, parties: int) -> None:
        self.parties, self.count, self.event = parties, 0, anyio.Event()

    async def wait(self, *, timeout: float | None = None) -> int:
        self.count += 1
        if self.count == self.parties:
            self.event.set()
        with anyio.fail_after(timeout):
            await self.event.wait()
        return 0


async def a_barrier_never_opens_one_short(make=Barrier) -> None:
    barrier = make(3)
    passed: list[int] = []

    async def come() -> None:
        try:
            passed.append(await barrier.wait())
        except BrokenBarrierError:
            pass

    async with TaskGroup() as tg:
        with pytest.raises((BrokenBarrierError, TimeoutError)):
            await barrier.wait(timeout=0.001)
        tg.start_soon(come)
        tg.start_soon(come)
        await anyio.wait_all_tasks_blocked()
        assert passed == []
        tg.cancel_scope.cancel()


async def a_party_that_is_cancelled_breaks_it_for_those_who_wait() -> None:
    barrier = Barrier(3)
    async with TaskGroup() as tg:
        leaver, stayer = tg.spawn(barrier.wait), tg.spawn(is_broken, barrier)
        await anyio.wait_all_tasks_blocked()
        leaver.cancel()
        assert await stayer.wait()
        assert barrier.broken
        assert await is_broken(barrier)
    barrier.reset()
    assert not barrier.broken
    assert barrier.n_waiting == 0


async def is_broken(barrier: Barrier) -> bool:
    with pytest.raises(BrokenBarrierError):
        await barrier.wait()
    return True


async def a_barrier_opens_round_after_round() -> None:
    barrier = Barrier(2)
    places: list[int] = []

    async def come() -> None:
        for _ in range(3):
            places.append(await barrier.wait())

    async with TaskGroup() as tg:
        tg.start_soon(come)
        tg.start_soon(come)
    assert sorted(places) == [0, 0, 0, 1, 1, 1]
    assert await Barrier(1).wait() == 0


async def an_event_releases_all_and_times_out() -> None:
    event = Event()
    assert await event.wait(timeout=0.001) is False
    async with TaskGroup() as tg:
        waiting = [tg.spawn(event.wait) for _ in range(3)]
        await anyio.wait_all_tasks_blocked()
        assert event.statistics().tasks_waiting == 3
        event.set()
    assert [handle.result() for handle in waiting] == [True] * 3
    assert await event.wait(timeout=0) is True


async def a_condition_leaves_its_lock_free_again() -> None:
    for lock in (Lock(), RLock()):
        condition = Condition(lock)
        async with TaskGroup() as tg:
            waiting = tg.spawn(wait_on, condition)
            await anyio.wait_all_tasks_blocked()
            async with condition:
                condition.notify()
            assert await waiting.wait() is True
        async with condition:
            assert await condition.wait(timeout=0.001) is False
            assert lock.held_by_current_task()
        assert not lock.locked()


async def wait_on(condition: Condition) -> bool:
    async with condition:
        return await condition.wait()


async def a_notification_to_a_cancelled_task_is_passed_on() -> None:
    condition = Condition()
    async with TaskGroup() as tg:
        first = tg.spawn(wait_on, condition)
        await anyio.wait_all_tasks_blocked()
        second = tg.spawn(wait_on, condition)
        await anyio.wait_all_tasks_blocked()
        async with condition:
            first.cancel()
            condition.notify()
        # Lost, it would leave the second waiting for ever.
        assert await second.wait()
        assert first.state == "cancelled"
    assert not condition.locked()


async def a_deep_rlock_is_given_up_wholly_and_taken_back_wholly() -> None:
    lock = RLock()
    condition = Condition(lock)

    async def wait_deep() -> None:
        async with lock, lock, condition:
            await condition.wait()
            lock.release()
            lock.release()
            assert lock.held_by_current_task()
            lock.acquire_nowait()
            lock.acquire_nowait()

    async with TaskGroup() as tg:
        tg.start_soon(wait_deep)
        await anyio.wait_all_tasks_blocked()
        async with condition:
            condition.notify_all()
    assert not lock.locked()


async def waiting_for_a_predicate_ends_when_it_holds() -> None:
    condition = Condition()
    value = 0

    async def raise_it() -> None:
        nonlocal value
        for _ in range(3):
            async with condition:
                value += 1
                condition.notify_all()
            await anyio.lowlevel.checkpoint()

    async with TaskGroup() as tg:
        tg.start_soon(raise_it)
        async with condition:
            assert await condition.wait_for(lambda: value >= 3)
            assert value == 3
            assert not await condition.wait_for(lambda: value >= 4, timeout=0.001)


async def the_lock_is_needed() -> None:
    condition = Condition()
    with pytest.raises(RuntimeError, match="needs the lock"):
        await condition.wait()
    with pytest.raises(RuntimeError, match="needs the lock"):
        condition.notify()


SCENARIOS = [
    a_barrier_never_opens_one_short,
    a_party_that_is_cancelled_breaks_it_for_those_who_wait,
    a_barrier_opens_round_after_round,
    an_event_releases_all_and_times_out,
    a_condition_leaves_its_lock_free_again,
    a_notification_to_a_cancelled_task_is_passed_on,
    a_deep_rlock_is_given_up_wholly_and_taken_back_wholly,
    waiting_for_a_predicate_ends_when_it_holds,
    the_lock_is_needed,
]


@both
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_meeting(scenario, backend) -> None:
    anyio.run(scenario, backend=backend)


@both
def test_a_barrier_that_opens_one_short_is_found(backend) -> None:
    with pytest.raises(AssertionError):
        anyio.run(a_barrier_never_opens_one_short, CountingBarrier, backend=backend)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="parties must be 1 or more"):
        Barrier(0)
    with pytest.raises(TypeError, match="takes a Lock or an RLock"):
        Condition(anyio.Lock())
