"""Semaphore and CapacityLimiter: no permit is lost, none is lent twice."""

from __future__ import annotations

import math

import anyio
import pytest

from concurrency import CapacityLimiter, Semaphore, TaskGroup

BACKENDS = ("asyncio", "trio")
both = pytest.mark.parametrize("backend", BACKENDS)


async def a_released_permit_goes_to_who_waited() -> None:
    semaphore = Semaphore(0)
    async with TaskGroup() as tg:
        waiting = tg.spawn(semaphore.acquire)
        await anyio.wait_all_tasks_blocked()
        semaphore.release()
        # The permit is the waiter's already, though its task has yet to run.
        with pytest.raises(anyio.WouldBlock):
            semaphore.acquire_nowait()
        assert await waiting.wait() is True


async def a_permit_offered_to_a_cancelled_waiter_is_not_lost() -> None:
    semaphore = Semaphore(0)
    async with TaskGroup() as tg:
        first, second = tg.spawn(semaphore.acquire), tg.spawn(semaphore.acquire)
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        semaphore.release()
        await second.wait()
    assert semaphore.value == 0


async def a_free_permit_is_had_even_without_time() -> None:
    semaphore = Semaphore(1)
    assert await semaphore.acquire(timeout=0)
    assert not await semaphore.acquire(timeout=0)
    assert not await semaphore.acquire(timeout=0.001)
    assert semaphore.statistics().tasks_waiting == 0


async def a_cancelled_acquire_takes_nothing() -> None:
    semaphore, limiter = Semaphore(1), CapacityLimiter(1)
    for acquire in (semaphore.acquire, limiter.acquire):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await acquire()
    assert semaphore.value == 1
    assert limiter.borrowed == 0


async def lowering_the_total_takes_effect() -> None:
    limiter = CapacityLimiter(3)
    for borrower in "abc":
        await limiter.acquire_on_behalf_of(borrower)
    limiter.total = 1
    limiter.release_on_behalf_of("a")
    limiter.release_on_behalf_of("b")
    with pytest.raises(anyio.WouldBlock):
        limiter.acquire_nowait()
    limiter.release_on_behalf_of("c")
    assert (limiter.borrowed_tokens, limiter.available_tokens) == (0, 1)
    async with limiter:
        assert limiter.borrowed == 1


async def raising_the_total_serves_the_line() -> None:
    limiter = CapacityLimiter(1)
    await limiter.acquire_on_behalf_of("holder")
    async with TaskGroup() as tg:
        waiting = [tg.spawn(limiter.acquire_on_behalf_of, name) for name in "xyz"]
        await anyio.wait_all_tasks_blocked()
        limiter.total_tokens = 3
        await anyio.wait_all_tasks_blocked()
        assert sum(handle.done for handle in waiting) == 2
        limiter.total_tokens = math.inf


async def giving_back_twice_is_refused() -> None:
    limiter = CapacityLimiter(1)
    async with limiter:
        pass
    with pytest.raises(RuntimeError, match="no token to give back"):
        limiter.release()
    assert limiter.borrowed == 0


async def a_borrower_is_lent_one_token_only() -> None:
    limiter = CapacityLimiter(1)
    async with limiter:
        with pytest.raises(RuntimeError, match="lends one to each"):
            await limiter.acquire()
        async with TaskGroup() as tg:
            tg.start_soon(limiter.acquire_on_behalf_of, "late")
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(RuntimeError, match="waits for one"):
                await limiter.acquire_on_behalf_of("late")
            tg.cancel_scope.cancel()


async def a_fraction_lends_whole_tokens() -> None:
    limiter = CapacityLimiter(capacity=2.5)
    assert await limiter.acquire_on_behalf_of("a", timeout=0)
    assert await limiter.acquire_on_behalf_of("b", timeout=0)
    assert not await limiter.acquire_on_behalf_of("c", timeout=0)
    assert limiter.remaining_tokens == limiter.available == 0.5


SCENARIOS = [
    a_released_permit_goes_to_who_waited,
    a_permit_offered_to_a_cancelled_waiter_is_not_lost,
    a_free_permit_is_had_even_without_time,
    a_cancelled_acquire_takes_nothing,
    lowering_the_total_takes_effect,
    raising_the_total_serves_the_line,
    giving_back_twice_is_refused,
    a_borrower_is_lent_one_token_only,
    a_fraction_lends_whole_tokens,
]


@both
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_permits(scenario, backend) -> None:
    anyio.run(scenario, backend=backend)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Semaphore(-1), ValueError),
        (lambda: Semaphore(1.5), TypeError),
        (lambda: Semaphore(3, max_value=2), ValueError),
        (lambda: CapacityLimiter(0), ValueError),
        (lambda: CapacityLimiter(-2.5), ValueError),
        (lambda: CapacityLimiter(math.nan), ValueError),
        (lambda: CapacityLimiter("3"), TypeError),
        (CapacityLimiter, TypeError),
        (lambda: CapacityLimiter(1, capacity=1), TypeError),
    ],
)
def test_wrong_totals_are_refused(make, error) -> None:
    with pytest.raises(error, match=r"must be|takes one number"):
        make()


def test_a_bounded_semaphore_refuses_one_release_too_many() -> None:
    semaphore = Semaphore(1, max_value=1)

    with pytest.raises(ValueError, match="once per acquire"):
        semaphore.release()
    assert semaphore.value == 1
