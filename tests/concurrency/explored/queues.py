"""Items between tasks: each put once is had once, or is still there."""

from __future__ import annotations

import contextlib
import inspect
import math

from explored.table import scenario

import simclock
from concurrency import PriorityQueue, Queue, QueueClosed, QueueEmpty, QueueFull, TaskGroup, sleep


async def drain(queue) -> list:
    """Take what is left without waiting."""
    left = []
    with contextlib.suppress(QueueEmpty):
        while True:
            item = queue.get_nowait()
            left.append(await item if inspect.isawaitable(item) else item)
    return left


async def pass_items(queue, *, in_order: bool) -> None:
    put: list[tuple[int, int]] = []
    taken: list[tuple[int, int]] = []
    producing = 2

    async def produce(producer: int) -> None:
        nonlocal producing
        try:
            for number in range(3):
                await queue.put((number, producer))
                put.append((number, producer))
        finally:
            producing -= 1
            if not producing:
                queue.close()

    async def consume() -> None:
        last = {0: -1, 1: -1}
        with contextlib.suppress(QueueClosed):
            while True:
                number, producer = await queue.get()
                taken.append((number, producer))
                assert not in_order or number > last[producer]
                last[producer] = number

    try:
        async with TaskGroup() as tg:
            for task in (consume, consume):
                tg.start_soon(task)
            for producer in range(2):
                tg.start_soon(produce, producer)
    finally:
        assert sorted(taken + await drain(queue)) == sorted(put)


@scenario("Queue", "QueueClosed")
async def a_queue_passes_each_item_once(make=Queue.with_maxsize) -> None:
    for maxsize in (0, 1, 2, math.inf):
        await pass_items(make(maxsize), in_order=True)


@scenario("PriorityQueue", "QueueClosed")
async def a_priority_queue_passes_each_item_once(make=PriorityQueue) -> None:
    for maxsize in (1, 2, 0):
        await pass_items(make(maxsize), in_order=False)


@scenario("PriorityQueue")
async def a_priority_queue_loses_no_wakeup(make=PriorityQueue) -> None:
    queue = make()
    got: list[int] = []
    given: list[int] = []

    async def get() -> None:
        got.append(await queue.get())

    async def put(item: int) -> None:
        await queue.put(item)
        given.append(item)

    async with TaskGroup() as tg:
        getters = [tg.spawn(get) for _ in range(3)]
        async with TaskGroup() as puts:
            for item in (3, 1, 2):
                puts.start_soon(put, item)
        await simclock.current().settle()
        open_ = [handle for handle in getters if not handle.done]
        assert not (open_ and queue.qsize()), "an item lies here, and a getter waits for it"
        for handle in open_:
            handle.cancel()
    assert sorted(got + await drain(queue)) == sorted(given)


@scenario("Queue", "QueueClosed")
async def closing_keeps_what_is_buffered(make=Queue.with_maxsize) -> None:
    queue = make(2)
    put: list[int] = []
    taken: list[int] = []

    async def produce() -> None:
        with contextlib.suppress(QueueClosed):
            for item in range(4):
                await queue.put(item)
                put.append(item)

    async def consume() -> None:
        async for item in queue:
            taken.append(item)
            await sleep(1)

    async def close() -> None:
        try:
            await sleep(1)
        finally:
            queue.close()

    try:
        async with TaskGroup() as tg:
            for task in (produce, consume, close):
                tg.start_soon(task)
    finally:
        assert taken + await drain(queue) == put


@scenario("QueueEmpty", "QueueFull", "Queue", "PriorityQueue")
async def what_need_not_wait_is_had_or_refused_at_once() -> None:
    put: list[int] = []
    taken: list[int] = []
    for queue in (Queue.with_maxsize(1), PriorityQueue(1)):
        put.clear()
        taken.clear()

        async def push(queue=queue) -> None:
            for item in range(3):
                with contextlib.suppress(QueueFull):
                    done = queue.put_nowait(item)
                    if inspect.isawaitable(done):
                        await done
                    put.append(item)
                await sleep(0)

        async def pull(queue=queue) -> None:
            for _ in range(4):
                taken.extend(await drain(queue))
                await sleep(0)

        try:
            async with TaskGroup() as tg:
                tg.start_soon(push)
                tg.start_soon(pull)
        finally:
            assert sorted(taken + await drain(queue)) == put
