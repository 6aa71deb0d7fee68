"""Checks of Queue and PriorityQueue."""

from __future__ import annotations

import asyncio
import random
from functools import partial

from checking import NATIVE, explored, kit, scenarios

import concurrency
import simclock
from concurrency import (
    CancelScope,
    PriorityQueue,
    Queue,
    QueueClosed,
    QueueFull,
    TaskGroup,
    sleep,
)
from properties import conformance


async def room_is_used_whoever_makes_it() -> None:
    for get in ("get", "get_nowait"):
        queue, put = Queue.with_maxsize(2), []

        async def putter(item, queue=queue, put=put) -> None:
            await queue.put(item)
            put.append(item)

        async with TaskGroup() as tg:
            for item in range(4):
                await tg.start(_started, putter, item)
                await sleep(1)
            assert put == [0, 1]
            for expected in range(4):
                taken = await queue.get() if get == "get" else queue.get_nowait()
                assert taken == expected
                await sleep(1)
                assert len(put) == min(4, 3 + expected), "room was made, and a put waits for it"


async def _started(call, *args, task_status) -> None:
    task_status.started()
    await call(*args)


async def a_full_queue_takes_nothing_more() -> None:
    for queue in (Queue.with_maxsize(2), PriorityQueue(2)):
        for item in range(2):
            await queue.put(item)
        assert queue.full()
        try:
            put = queue.put_nowait(2)
            if put is not None:
                await put
        except QueueFull:
            assert queue.qsize() == 2
        else:
            raise AssertionError("an item was put into a full queue")


async def a_closed_queue_takes_nothing_and_gives_what_it_has() -> None:
    queue, refused, ended = Queue.with_maxsize(2), [], []

    async def put() -> None:
        try:
            await queue.put(3)
        except QueueClosed:
            refused.append("put")

    async with TaskGroup() as tg:
        for item in (1, 2):
            await queue.put(item)
        tg.start_soon(put)
        await sleep(1)
        queue.close()
    assert refused == ["put"], "a put that waited was not refused"
    for call in (queue.put, queue.put_nowait):
        try:
            result = call(4)
            if result is not None:
                await result
        except QueueClosed:
            refused.append("put")
    assert len(refused) == 3, "a closed queue took a put"
    assert [item async for item in queue] == [1, 2], "what it had is lost"

    async def get(queue: Queue[int]) -> None:
        try:
            await queue.get()
        except QueueClosed:
            ended.append("get")

    async with TaskGroup() as tg:
        empty: Queue[int] = Queue()
        for _ in range(2):
            tg.start_soon(get, empty)
        await sleep(1)
        empty.close()
    assert ended == ["get", "get"]


async def a_worker_that_never_waits_lets_others_run() -> None:
    for queue in (Queue(), PriorityQueue()):
        first = simclock.current().step
        for item in range(100):
            await queue.put(item)
        assert simclock.current().step > first, "a hundred puts in one step"
        first = simclock.current().step
        for _ in range(100):
            await queue.get()
        assert simclock.current().step > first, "a hundred gets in one step"


async def nothing_is_put_or_taken_in_a_cancelled_scope() -> None:
    for queue in (Queue.with_maxsize(5), PriorityQueue(5)):
        await queue.put(1)
        for call in (partial(queue.put, 2), queue.get):
            with CancelScope() as scope:
                scope.cancel()
                await call()
            assert scope.cancelled_caught, "a cancellation was not noticed"
            assert queue.qsize() == 1


async def a_put_that_was_cut_off_has_put_nothing_and_makes_room() -> None:
    for make in (Queue.with_maxsize, PriorityQueue):
        queue = make(1)
        await queue.put(1)
        victim = asyncio.create_task(queue.put(2))
        await simclock.current().settle()
        other = asyncio.create_task(queue.put(3))
        await simclock.current().settle()
        # In one step the victim's item is let in, and its put is cut off.
        taken = queue.get_nowait()
        assert (await taken if asyncio.iscoroutine(taken) else taken) == 1
        victim.cancel()
        await asyncio.wait([victim])
        assert victim.cancelled()
        await simclock.current().settle()
        assert other.done(), "the room it left is not used"
        assert await queue.get() == 3, "a put that was cut off has put all the same"
        assert queue.empty()


async def an_item_that_comes_back_goes_to_who_waits() -> None:
    for make in (Queue.with_maxsize, PriorityQueue):
        queue = make(2)
        getters = []
        for _ in range(2):
            getters.append(asyncio.create_task(queue.get()))
            await simclock.current().settle()
        put = queue.put_nowait("item")
        if put is not None:
            await put
        getters[0].cancel()
        await simclock.current().settle()
        assert getters[1].done(), "an item is there, and a get waits for one"
        assert getters[1].result() == "item"
        assert queue.empty(), "the item is there twice"


async def items_that_come_back_keep_their_order() -> None:
    queue: Queue[int] = Queue()
    getters = []
    for _ in range(2):
        getters.append(asyncio.create_task(queue.get()))
        await simclock.current().settle()
    for item in (1, 2, 3):
        queue.put_nowait(item)
    for getter in getters:
        getter.cancel()
    await asyncio.wait(getters)
    left = [queue.get_nowait() for _ in range(queue.qsize())]
    assert left == [1, 2, 3], f"put in as 1, 2, 3, and came out as {left}"


async def the_smallest_leaves_first_among_many() -> None:
    for seed in range(20):
        draw = random.Random(seed)
        queue: PriorityQueue[tuple[int, int]] = PriorityQueue()
        inside: list[tuple[int, int]] = []
        for number in range(40):
            if inside and draw.random() < 0.4:
                expected = min(inside)
                assert await queue.get() == expected
                inside.remove(expected)
            item = (draw.randrange(12), number)
            await queue.put(item)
            inside.append(item)
        assert [await queue.get() for _ in range(len(inside))] == sorted(inside)


async def the_order_is_kept_when_items_are_withdrawn() -> None:
    for seed in range(60):
        draw = random.Random(seed)
        items = [(draw.randrange(50), number) for number in range(12)]
        queue: PriorityQueue[tuple[int, int]] = PriorityQueue(len(items))
        for item in items:
            await queue.put(item)
        late = [(draw.randrange(50), number) for number in range(12, 16)]
        putters = []
        for item in late:
            putters.append(asyncio.create_task(queue.put(item)))
            await simclock.current().settle()
        # In one step all are let in, and one of them is cut off.
        taken = [await queue.get_nowait() for _ in late]
        victim = draw.randrange(len(late))
        putters[victim].cancel()
        await asyncio.wait(putters)
        left = {*items, *late} - {*taken}
        if putters[victim].cancelled():
            left -= {late[victim]}
        assert [await queue.get() for _ in range(queue.qsize())] == sorted(left)


async def a_key_that_does_not_compare_is_in_nobodys_way() -> None:
    queue: PriorityQueue[object] = PriorityQueue(2)
    ends: list[str] = []

    async def put(item: object) -> None:
        try:
            await queue.put(item)
        except TypeError:
            ends.append(f"{item} refused")
        else:
            ends.append(f"{item} put")

    for item in (1, 2):
        await queue.put(item)
    async with TaskGroup() as tg:
        for item in ("text", 3):
            tg.start_soon(put, item)
            await sleep(1)
        assert await queue.get() == 1
        await sleep(1)
        assert sorted(ends) == ["3 put", "text refused"], "there is room, and a put waits for it"
    assert [await queue.get(), await queue.get()] == [2, 3]


CHECKS = (
    kit(partial(conformance.queue, lambda: concurrency.Queue.with_maxsize(1))),
    kit(
        partial(conformance.queue, lambda: concurrency.Queue.with_maxsize(0), maxsize=0),
        note="rendezvous",
    ),
    kit(partial(conformance.priority_queue, concurrency.PriorityQueue)),
    kit(
        partial(conformance.priority_queue, lambda: concurrency.PriorityQueue(2), maxsize=2),
        note="bounded",
        share=0.3,
    ),
    explored(room_is_used_whoever_makes_it, stalls=0),
    explored(a_full_queue_takes_nothing_more),
    explored(a_closed_queue_takes_nothing_and_gives_what_it_has, stalls=0),
    explored(a_worker_that_never_waits_lets_others_run),
    explored(nothing_is_put_or_taken_in_a_cancelled_scope),
    explored(a_put_that_was_cut_off_has_put_nothing_and_makes_room, backends=NATIVE),
    explored(an_item_that_comes_back_goes_to_who_waits, backends=NATIVE),
    explored(items_that_come_back_keep_their_order, backends=NATIVE),
    explored(the_smallest_leaves_first_among_many, share=0.02),
    explored(the_order_is_kept_when_items_are_withdrawn, share=0.02, backends=NATIVE),
    explored(a_key_that_does_not_compare_is_in_nobodys_way, stalls=0),
    *scenarios("queues"),
)
