"""Checks of Lock and RLock."""

from __future__ import annotations

from functools import partial

import anyio
from checking import explored, kit, scenarios

import concurrency
from concurrency import CancelScope, Lock, RLock, TaskGroup, checkpoint, current_time, sleep
from properties import conformance


async def a_timed_acquire_is_cancelled_like_any_other() -> None:
    for lock in (Lock(), RLock()):
        async with TaskGroup() as tg:
            holder = tg.spawn(_hold, lock, 10)
            await sleep(1)
            began = current_time()
            with CancelScope(timeout=1):
                await lock.acquire(timeout=5)
            assert current_time() == began + 1, "it waited on although it was cancelled"
            holder.cancel()


async def nothing_is_taken_in_a_cancelled_scope() -> None:
    for lock in (Lock(), RLock()):
        with CancelScope() as scope:
            scope.cancel()
            await lock.acquire(timeout=1)
        assert scope.cancelled_caught, "a free lock was taken, and the cancellation not noticed"
        assert not lock.locked()
    async with (held := RLock()):
        with CancelScope() as scope:
            scope.cancel()
            await held.acquire()
        assert scope.cancelled_caught, "its holder took it again, and the cancellation not noticed"
    assert not held.locked()


async def a_block_that_fails_gives_the_lock_back() -> None:
    for lock in (Lock(), RLock(), concurrency.Condition()):
        try:
            async with lock:
                raise OSError
        except OSError:
            assert not lock.locked(), f"a failed block keeps the {type(lock).__name__}"


async def a_free_lock_is_taken_without_letting_others_run() -> None:
    steps = 0

    async def other() -> None:
        nonlocal steps
        while steps < 10:
            steps += 1
            await checkpoint()

    async with TaskGroup() as tg:
        tg.start_soon(other)
        await checkpoint()
        before = steps
        lock = Lock()
        await lock.acquire()
        lock.release()
        assert steps == before, "others ran while a free lock was taken"


async def a_lock_knows_its_holder() -> None:
    for lock in (Lock(), RLock()):
        async with TaskGroup() as tg:
            holder = tg.spawn(_hold, lock, 2)
            await sleep(1)
            assert lock.locked()
            assert not lock.held_by_current_task(), "held by another task"
            assert not await lock.acquire(timeout=0)
            assert not lock.held_by_current_task()
            await holder.wait()
            async with lock:
                assert lock.held_by_current_task()


async def an_rlock_is_held_until_it_was_released_as_often_as_taken() -> None:
    lock = RLock()
    depth = 0
    for take in (False, True, False, True):
        if take:
            lock.acquire_nowait()
        else:
            await lock.acquire()
        depth += 1
    async with TaskGroup() as tg:
        taken = tg.spawn(lock.acquire)
        while depth:
            await checkpoint()
            assert lock.held_by_current_task()
            assert not taken.done, f"another has it, {depth} levels deep"
            lock.release()
            depth -= 1
    assert taken.done


async def what_is_not_held_cannot_be_released() -> None:
    for lock in (Lock(), RLock()):
        async with TaskGroup() as tg:
            tg.start_soon(_hold, lock, 2)
            await sleep(1)
            try:
                lock.release()
            except RuntimeError:
                assert lock.locked()
            else:
                raise AssertionError("a stranger released it")


async def _hold(lock: Lock | RLock, seconds: float) -> None:
    async with lock:
        await anyio.sleep(seconds)


CHECKS = (
    kit(partial(conformance.lock, concurrency.Lock)),
    kit(partial(conformance.lock, concurrency.RLock), note="RLock"),
    explored(a_timed_acquire_is_cancelled_like_any_other, stalls=0),
    explored(nothing_is_taken_in_a_cancelled_scope),
    explored(a_block_that_fails_gives_the_lock_back),
    explored(a_free_lock_is_taken_without_letting_others_run),
    explored(a_lock_knows_its_holder, stalls=0),
    explored(an_rlock_is_held_until_it_was_released_as_often_as_taken),
    explored(what_is_not_held_cannot_be_released, stalls=0),
    *scenarios("locks"),
)
