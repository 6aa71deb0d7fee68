"""A scope's cancellation, landing at every step in turn, on both event loops.

Each scenario is run again and again, cancelled one scheduling round later each time, until it ends
before the cancellation comes. Whatever happened, the same things must hold afterwards.
"""

from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from concurrency import (
    CapacityLimiter,
    CompletionStream,
    Condition,
    Lock,
    PriorityQueue,
    Queue,
    RLock,
    Semaphore,
    TaskGroup,
    bounded_map,
    first_success,
    gather,
    gather_settled,
    race,
    retry,
    shield,
)

BACKENDS = ("asyncio", "trio")
both = pytest.mark.parametrize("backend", BACKENDS)
STEPS_MAX = 80


async def cut(work, step: int) -> bool:
    """Run ``work()``, cancelled after ``step`` rounds; tell whether that cut it short."""
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tg:

            async def cancel_later() -> None:
                for _ in range(step):
                    await checkpoint()
                scope.cancel()

            tg.start_soon(cancel_later)
            await work()
            tg.cancel_scope.cancel()
    return scope.cancelled_caught


async def items_are_conserved(step: int) -> bool:
    queues = (Queue.with_maxsize(0), Queue.with_maxsize(2), PriorityQueue(2), PriorityQueue())
    short = False
    for queue in queues:
        put: list[int] = []
        taken: list[int] = []

        async def produce(queue=queue, put=put) -> None:
            for item in range(6):
                await queue.put(item)
                put.append(item)

        async def consume(queue=queue, taken=taken) -> None:
            for _ in range(3):
                taken.append(await queue.get())

        async def work(produce=produce, consume=consume) -> None:
            async with TaskGroup() as tg:
                tg.start_soon(produce)
                tg.start_soon(consume)
                tg.start_soon(consume)

        short |= await cut(work, step)
        while not queue.empty():
            taken.append(await drain_one(queue))
        assert sorted(taken) == put
    return short


async def drain_one(queue) -> int:
    return await queue.get()


async def ownership_is_conserved(step: int) -> bool:
    lock, rlock, semaphore, limiter = Lock(), RLock(), Semaphore(2), CapacityLimiter(2)
    condition = Condition(rlock)

    async def use() -> None:
        for _ in range(2):
            async with lock, semaphore, limiter:
                await checkpoint()
            async with rlock, condition:
                condition.notify()
                await condition.wait(timeout=0)

    async def work() -> None:
        async with TaskGroup() as tg:
            for _ in range(3):
                tg.start_soon(use)

    short = await cut(work, step)
    assert not lock.locked()
    assert not rlock.locked()
    assert (semaphore.value, limiter.borrowed) == (2, 0)
    assert condition.statistics().tasks_waiting == 0
    return short


async def no_task_and_no_coroutine_is_left(step: int) -> bool:
    running: set[int] = set()

    async def give(number: int = 0) -> int:
        running.add(number)
        try:
            for _ in range(3):
                await checkpoint()
            return number
        finally:
            with anyio.CancelScope(shield=True):
                await checkpoint()
            running.discard(number)

    async def stream() -> None:
        async with CompletionStream([give(n) for n in range(4)], limit=2) as results:
            async for _ in results:
                await checkpoint()

    async def group() -> None:
        async with TaskGroup() as tg:
            await tg.spawn(give, 1).wait()
            tg.spawn(give(2))

    async def flaky() -> None:
        await give(1)
        raise ValueError

    async def tried() -> None:
        with pytest.raises(ValueError):
            await retry(flaky, attempts=2, base_delay=0)

    patterns = (
        lambda: gather(give(1), give(2)),
        lambda: gather(give(1), give(2), return_exceptions=True),
        lambda: gather_settled(give(1), give(2)),
        lambda: race(give(1), give(2)),
        lambda: first_success(give(1), give(2)),
        lambda: bounded_map(give, range(5), limit=2),
        lambda: shield(give(1)),
        stream,
        group,
        tried,
    )
    short = False
    for pattern in patterns:
        before = len(anyio.get_running_tasks())
        short |= await cut(pattern, step)
        assert not running
        assert len(anyio.get_running_tasks()) == before
    return short


SCENARIOS = [items_are_conserved, ownership_is_conserved, no_task_and_no_coroutine_is_left]


@both
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_promise_holds_whenever_the_scope_is_cancelled(scenario, backend) -> None:
    for step in range(STEPS_MAX):
        if not anyio.run(scenario, step, backend=backend):
            break
    else:
        pytest.fail(f"not ended after {STEPS_MAX} steps")
    assert step > 2
