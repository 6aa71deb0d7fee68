"""What is lent in numbers: semaphores and limiters."""

from __future__ import annotations

from explored.table import Turns, scenario

from concurrency import CapacityLimiter, Semaphore, TaskGroup, sleep


@scenario("Semaphore")
async def a_semaphore_lends_no_more_than_it_has(make=Semaphore) -> None:
    semaphore, inside = make(2), 0

    async def use(timeout: float | None) -> None:
        nonlocal inside
        for _ in range(2):
            if await semaphore.acquire(timeout=timeout):
                inside += 1
                try:
                    assert inside <= 2
                    await sleep(1)
                finally:
                    inside -= 1
                    semaphore.release()

    try:
        async with TaskGroup() as tg:
            for timeout in (None, 1, None, 1.5):
                tg.start_soon(use, timeout)
    finally:
        assert semaphore.value == 2
        assert semaphore.statistics().tasks_waiting == 0


@scenario("Semaphore", "CapacityLimiter")
async def permits_are_served_first_come_first_served(kinds=(Semaphore, CapacityLimiter)) -> None:
    for make in kinds:
        permits, turns = make(1), Turns()

        async def use(permits=permits, turns=turns) -> None:
            for _ in range(2):
                ticket = turns.draw()
                async with permits:
                    turns.serve(ticket)
                    await sleep(1)

        async with TaskGroup() as tg:
            for _ in range(3):
                tg.start_soon(use)


@scenario("CapacityLimiter")
async def a_limiter_keeps_to_its_total_while_it_changes(make=CapacityLimiter) -> None:
    limiter = make(2)

    async def use(borrower: str, timeout: float | None) -> None:
        for _ in range(2):
            before = limiter.borrowed_tokens
            if not await limiter.acquire_on_behalf_of(borrower, timeout=timeout):
                continue
            try:
                # The total may have been lowered since; then nobody new got in.
                assert limiter.borrowed_tokens <= max(3, before)
                await sleep(1)
            finally:
                limiter.release_on_behalf_of(borrower)
                assert limiter.borrowed_tokens >= 0

    async def change() -> None:
        for total in (1, 3, 1):
            await sleep(1.5)
            limiter.total_tokens = total
            assert limiter.available_tokens == total - limiter.borrowed_tokens
            out = limiter.borrowed_tokens
            await sleep(0)
            # Until somebody asks for more, a lowered total lends nothing new.
            assert limiter.borrowed_tokens <= max(out, total)

    try:
        async with TaskGroup() as tg:
            for borrower, timeout in (("a", None), ("b", 1), ("c", None), ("d", 1.5)):
                tg.start_soon(use, borrower, timeout)
            tg.start_soon(change)
    finally:
        assert limiter.borrowed_tokens == 0
        assert limiter.available_tokens == limiter.total_tokens
