"""Checks of Event, Condition and Barrier."""

from __future__ import annotations

from functools import partial

from checking import explored, kit, scenarios

import concurrency
from concurrency import (
    Barrier,
    BrokenBarrierError,
    CancelScope,
    Condition,
    Event,
    RLock,
    TaskGroup,
    checkpoint,
    current_time,
    sleep,
)
from properties import conformance


async def a_timed_wait_is_cancelled_like_any_other() -> None:
    condition = Condition()

    async def wait_in_the_condition() -> None:
        async with condition:
            await condition.wait(timeout=5)

    for wait in (
        partial(Event().wait, timeout=5),
        partial(Barrier(2).wait, timeout=5),
        wait_in_the_condition,
    ):
        began = current_time()
        with CancelScope(timeout=1):
            await wait()
        assert current_time() == began + 1, "it waited on although it was cancelled"


async def a_wait_whose_time_is_over_says_so() -> None:
    event, condition, barrier = Event(), Condition(), Barrier(2)
    assert not await event.wait(timeout=1)
    async with condition:
        assert not await condition.wait(timeout=1)
    try:
        await barrier.wait(timeout=1)
    except BrokenBarrierError:
        assert current_time() == 3
    else:
        raise AssertionError("a barrier for two opened for one")
    event.set()
    assert await event.wait(timeout=0)


async def a_set_event_lets_others_run_and_notices_a_cancellation() -> None:
    event, over = Event(), Event()
    event.set()

    async def end() -> None:
        over.set()

    async with TaskGroup() as tg:
        tg.start_soon(end)
        for timeout in (None, 5):
            for _ in range(100):
                await event.wait(timeout=timeout)
        # Every hundredth of these checkpoints may be used by others: none must be.
        with CancelScope() as scope:
            scope.cancel()
            for _ in range(100):
                await event.wait()
                await event.wait(timeout=5)
        assert scope.cancelled_caught, "a loop over a set event cannot be cancelled"


async def a_condition_gives_its_lock_up_whole_and_has_it_back_whole() -> None:
    lock = RLock()
    condition = Condition(lock)
    let_in = False

    async def notify() -> None:
        nonlocal let_in
        async with condition:
            let_in = True
            condition.notify()

    async with TaskGroup() as tg, condition, condition, condition:
        tg.start_soon(notify)
        assert await condition.wait()
        assert let_in
        for _ in range(2):
            lock.release()
            assert lock.held_by_current_task(), "a level was lost"
        lock.acquire_nowait()
        lock.acquire_nowait()
    assert not lock.locked()


async def wait_for_ends_when_the_predicate_is_true_or_the_time_is_over() -> None:
    condition, number = Condition(), 0

    async def count() -> None:
        nonlocal number
        for _ in range(10):
            await sleep(1)
            async with condition:
                number += 1
                condition.notify_all()

    async with TaskGroup() as tg:
        counting = tg.spawn(count)
        async with condition:
            assert await condition.wait_for(lambda: number == 3)
            assert current_time() == 3
            assert not await condition.wait_for(lambda: number == 99, timeout=3.5)
            assert current_time() == 6.5, "each notification began the time anew"
        counting.cancel()
    async with condition:
        asked = iter([False, True])
        assert await condition.wait_for(lambda: next(asked), timeout=1), "not asked at the end"


async def whoever_does_not_hold_the_lock_is_refused() -> None:
    condition = Condition()

    async def refused(call) -> bool:
        try:
            result = call()
            if hasattr(result, "__await__"):
                await result
        except RuntimeError:
            return True
        return False

    for call in (condition.notify, condition.notify_all, condition.wait):
        assert await refused(call), f"{call.__name__}() without the lock"


async def a_cancelled_wait_does_not_give_the_lock_up() -> None:
    condition = Condition()
    entered = False

    async def other() -> None:
        nonlocal entered
        async with condition:
            entered = True

    async with TaskGroup() as tg, condition:
        tg.start_soon(other)
        await checkpoint()
        with CancelScope() as scope:
            scope.cancel()
            await condition.wait()
        assert scope.cancelled_caught
        assert not entered, "it gave the lock up before it noticed"


async def a_broken_barrier_is_broken_until_it_is_mended() -> None:
    barrier = Barrier(2)
    for mend in (True, False):
        with CancelScope(timeout=1):
            await barrier.wait()
        assert barrier.broken
        try:
            await barrier.wait(timeout=5)
        except BrokenBarrierError:
            assert current_time() % 1 == 0
        else:
            raise AssertionError("a broken barrier opened")
        if mend:
            barrier.reset()
            assert not barrier.broken
            async with TaskGroup() as tg:
                places = [tg.spawn(barrier.wait) for _ in range(2)]
            assert sorted(each.result() for each in places) == [0, 1]


async def a_reset_sends_all_who_wait_away() -> None:
    barrier, sent = Barrier(4), []

    async def party() -> None:
        try:
            await barrier.wait()
        except BrokenBarrierError:
            sent.append("away")

    async with TaskGroup() as tg:
        for _ in range(3):
            tg.start_soon(party)
        await sleep(1)
        assert barrier.n_waiting == 3
        barrier.reset()
        await sleep(1)
        assert sent == ["away"] * 3
    assert not barrier.broken


CHECKS = (
    kit(partial(conformance.event, concurrency.Event)),
    kit(partial(conformance.condition, concurrency.Condition)),
    kit(partial(conformance.barrier, lambda: concurrency.Barrier(3))),
    explored(a_timed_wait_is_cancelled_like_any_other, stalls=0),
    explored(a_wait_whose_time_is_over_says_so, stalls=0),
    explored(a_set_event_lets_others_run_and_notices_a_cancellation),
    explored(a_condition_gives_its_lock_up_whole_and_has_it_back_whole),
    explored(wait_for_ends_when_the_predicate_is_true_or_the_time_is_over, stalls=0),
    explored(whoever_does_not_hold_the_lock_is_refused),
    explored(a_cancelled_wait_does_not_give_the_lock_up),
    explored(a_broken_barrier_is_broken_until_it_is_mended, stalls=0),
    explored(a_reset_sends_all_who_wait_away, stalls=0),
    *scenarios("meetings"),
)
