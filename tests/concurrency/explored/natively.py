"""asyncio's own cancellation, which hits tasks that were woken already; from anywhere, any time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from explored.groups import Crew
from explored.queues import drain
from explored.table import NATIVE, scenario

import simclock
from concurrency import (
    Barrier,
    BrokenBarrierError,
    CapacityLimiter,
    CompletionStream,
    Condition,
    Lock,
    PriorityQueue,
    Queue,
    QueueClosed,
    RLock,
    Semaphore,
    TaskGroup,
    bounded_map,
    buffer_stream,
    first_success,
    gather,
    merge_streams,
    race,
    shield,
)

ROUNDS_MAX = 12


async def cancel_some_time(task: asyncio.Task, began: asyncio.Event) -> None:
    """Cancel ``task`` natively once it has begun and some steps, from run to run others, are over."""
    await began.wait()
    for _ in range(simclock.current().random("native cancellation").randrange(ROUNDS_MAX)):
        await asyncio.sleep(0)
    task.cancel()


async def run_all(*works: Callable[[], Awaitable[object]]) -> None:
    """Run ``works`` as plain asyncio tasks, and cancel one of them natively at some time."""
    began = [asyncio.Event() for _ in works]

    async def begin(work: Callable[[], Awaitable[object]], event: asyncio.Event) -> None:
        event.set()
        await work()

    tasks = [asyncio.create_task(begin(*each)) for each in zip(works, began, strict=True)]
    place = simclock.current().random("victim").randrange(len(tasks))
    victim = tasks[place]
    canceller = asyncio.create_task(cancel_some_time(victim, began[place]), name="canceller")
    await asyncio.wait([*tasks, canceller])
    for task in tasks:
        assert task is victim or not task.cancelled(), "a cancellation hit the wrong task"
        if not task.cancelled():
            task.result()


def exactly_once(make, maxsize):
    async def main() -> None:
        queue = make(maxsize)
        put: list[int] = []
        doubtful: list[int] = []
        taken: list[int] = []
        producing = 2

        async def produce(base: int) -> None:
            nonlocal producing
            try:
                for item in (base, base + 1):
                    doubtful.append(item)
                    await queue.put(item)
                    doubtful.remove(item)
                    put.append(item)
            finally:
                producing -= 1
                if not producing:
                    queue.close()

        async def consume() -> None:
            with contextlib.suppress(QueueClosed):
                while True:
                    taken.append(await queue.get())

        await run_all(consume, consume, lambda: produce(10), lambda: produce(20))
        had = sorted(taken + await drain(queue))
        assert len(set(had)) == len(had), "an item was doubled"
        assert set(put) <= set(had), "an item was lost"
        assert set(had) <= set(put) | set(doubtful)
        assert len(doubtful) <= 1

    return main


@scenario("Queue", cancel=(False,), backends=NATIVE, share=2)
async def a_queue_loses_nothing_natively(make=Queue.with_maxsize) -> None:
    for maxsize in (0, 1, 2):
        await exactly_once(make, maxsize)()


@scenario("PriorityQueue", cancel=(False,), backends=NATIVE, share=2)
async def a_priority_queue_loses_nothing_natively(make=PriorityQueue) -> None:
    for maxsize in (1, 2, 0):
        await exactly_once(make, maxsize)()


@scenario(
    "Lock", "RLock", "Semaphore", "CapacityLimiter", cancel=(False,), backends=NATIVE, share=2
)
async def what_is_held_is_given_back_natively(
    makes=(Lock, RLock, Semaphore, lambda: CapacityLimiter(1)),
) -> None:
    for make in makes:
        permits, inside = make(), 0

        async def use(permits=permits) -> None:
            nonlocal inside
            for _ in range(2):
                async with permits:
                    inside += 1
                    try:
                        assert inside == 1
                        await asyncio.sleep(0)
                    finally:
                        inside -= 1

        await run_all(use, use, use)
        # Free again: this would else wait for ever.
        async with permits:
            assert inside == 0


@scenario("Condition", cancel=(False,), backends=NATIVE, share=2)
async def a_condition_keeps_lock_and_notification_natively(make=Condition) -> None:
    for lock in (Lock(), RLock()):
        condition, items = make(lock), []
        done: list[bool] = []

        async def consume(condition=condition, items=items, done=done) -> None:
            async with condition:
                await condition.wait_for(lambda: items or done)
                if items:
                    items.pop()

        async def produce(condition=condition, items=items, done=done) -> None:
            try:
                async with condition:
                    items.append("item")
                    condition.notify()
                for _ in range(10):
                    await asyncio.sleep(0)
            finally:
                done.append(True)
                while condition.locked():
                    await asyncio.sleep(0)
                condition.acquire_nowait()
                condition.notify_all()
                condition.release()

        await run_all(consume, consume, produce)
        assert not condition.locked()


@scenario("Barrier", cancel=(False,), backends=NATIVE, share=2)
async def a_barrier_opens_for_all_or_breaks_natively(make=Barrier) -> None:
    barrier = make(3)
    passed: list[int] = []
    refused = 0

    async def party() -> None:
        nonlocal refused
        try:
            passed.append(await barrier.wait())
        except BrokenBarrierError:
            refused += 1

    await run_all(party, party, party)
    assert not (passed and refused)
    assert len(passed) + refused >= 2


@scenario("shield", cancel=(False,), backends=NATIVE, share=2)
async def shielded_work_ends_first_natively(shield=shield) -> None:
    began = ended = 0

    async def work() -> None:
        nonlocal began, ended
        began += 1
        for _ in range(4):
            await asyncio.sleep(0)
        ended += 1

    async def caller() -> None:
        try:
            await shield(work)
        finally:
            assert began == ended, "shielded work was orphaned"

    await run_all(caller)


@scenario(
    "gather", "race", "first_success", "bounded_map", "CompletionStream", "TaskGroup",
    "buffer_stream", "merge_streams", cancel=(False,), backends=NATIVE, share=2,
)  # fmt: skip
async def nothing_outlives_its_call_natively(
    patterns=(gather, race, first_success),
) -> None:
    crew = Crew()

    async def stream() -> None:
        works = [crew.work(seconds) for seconds in (1, 2, 3)]
        async with CompletionStream(works, limit=2) as results:
            async for _ in results:
                pass

    async def group() -> None:
        async with TaskGroup() as tg:
            tg.start_soon(crew.work)
            await tg.spawn(crew.work).wait()

    async def read() -> None:
        async def count():
            for number in range(3):
                yield await crew.work(number)

        async with merge_streams(count(), count()) as merged, buffer_stream(merged) as buffered:
            async for _ in buffered:
                pass

    works = [lambda pattern=pattern: pattern(crew.work(1), crew.work(2)) for pattern in patterns]
    works += [stream, group, read, lambda: bounded_map(crew.work, [1, 2, 3], limit=2)]
    for work in works:

        async def checked(work=work) -> None:
            try:
                await work()
            finally:
                assert crew.working == 0

        await run_all(checked)
        assert crew.working == 0
