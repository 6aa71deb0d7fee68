"""Checks of Semaphore and CapacityLimiter."""

from __future__ import annotations

from functools import partial

import anyio
from checking import explored, kit, scenarios

import concurrency
from concurrency import (
    CancelScope,
    CapacityLimiter,
    Semaphore,
    TaskGroup,
    current_time,
    sleep,
)
from properties import conformance


async def a_timed_wait_is_cancelled_like_any_other() -> None:
    for made in (Semaphore(1), CapacityLimiter(1)):
        async with TaskGroup() as tg:
            holder = tg.spawn(hold, made, 10)
            await sleep(1)
            began = current_time()
            assert not await made.acquire(timeout=1)
            with CancelScope(timeout=1):
                await made.acquire(timeout=5)
            assert current_time() == began + 2, "it waited on although it was cancelled"
            holder.cancel()


async def no_more_permits_are_released_than_there_may_be() -> None:
    semaphore = Semaphore(1, max_value=2)
    semaphore.release()
    try:
        semaphore.release()
    except ValueError:
        assert semaphore.value == 2
    else:
        raise AssertionError("a permit too many was released")


async def a_block_that_fails_gives_its_permit_back() -> None:
    for made in (Semaphore(1), CapacityLimiter(1)):
        try:
            async with made:
                raise OSError
        except OSError:
            assert await made.acquire(timeout=0), f"a failed block keeps its {type(made).__name__}"


async def raising_the_total_serves_as_many_as_it_can() -> None:
    limiter = CapacityLimiter(1)
    async with TaskGroup() as tg:
        for _ in range(5):
            tg.start_soon(hold, limiter, 10)
        await sleep(1)
        assert limiter.borrowed_tokens == 1
        limiter.total_tokens = 4
        assert limiter.borrowed_tokens == 4, "tokens lie idle while tasks wait"
        await sleep(5)
        assert limiter.statistics().tasks_waiting == 1


async def a_borrower_waits_once_at_a_time_and_may_come_again() -> None:
    limiter = CapacityLimiter(1)
    async with limiter:
        assert not await limiter.acquire_on_behalf_of("a", timeout=1)
        async with TaskGroup() as tg:
            waiting = tg.spawn(limiter.acquire_on_behalf_of, "a")
            await sleep(1)
            try:
                await limiter.acquire_on_behalf_of("a")
            except RuntimeError:
                waiting.cancel()
            else:
                raise AssertionError("one borrower waited twice")
    assert await limiter.acquire_on_behalf_of("a")
    limiter.release_on_behalf_of("a")


async def each_gives_back_its_own() -> None:
    limiter = CapacityLimiter(3)
    for name in "abc":
        limiter.acquire_on_behalf_of_nowait(name)
    limiter.release_on_behalf_of("a")
    assert limiter.statistics().borrowers == ("b", "c")
    try:
        limiter.release_on_behalf_of("a")
    except RuntimeError:
        assert limiter.borrowed_tokens == 2
    else:
        raise AssertionError("what was given back already was given back again")


async def hold(made: Semaphore | CapacityLimiter, seconds: float) -> None:
    async with made:
        await anyio.sleep(seconds)


CHECKS = (
    kit(partial(conformance.semaphore, lambda: concurrency.Semaphore(2))),
    kit(partial(conformance.limiter, lambda: concurrency.CapacityLimiter(2))),
    explored(a_timed_wait_is_cancelled_like_any_other, stalls=0),
    explored(no_more_permits_are_released_than_there_may_be),
    explored(a_block_that_fails_gives_its_permit_back),
    explored(raising_the_total_serves_as_many_as_it_can, stalls=0),
    explored(a_borrower_waits_once_at_a_time_and_may_come_again, stalls=0),
    explored(each_gives_back_its_own),
    *scenarios("permits"),
)
