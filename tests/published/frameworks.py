"""What asyncio, AnyIO, trio and this project's own library offer."""

from __future__ import annotations

import asyncio

import anyio
import trio
from published.adapters import Ends
from published.subjects import NATIVE, subject

import concurrency
from properties import conformance as kits

TRIO = {"backend": "trio"}
EARLY = "cancelled, it returns when the first has ended, and the others are still cleaning up"
PLACES = "when one has stepped back, two others can get the same place"
LOSES_ITEMS = "an item handed to a receiver that is cancelled at that moment is lost"
LOSES_THE_LOCK = "cancelled while it takes the lock back, a wait ends without it"
NOTIFICATION = "a notification is lost if its waiter is cancelled before it has the lock back"

# asyncio, natively.

subject("lock", "asyncio", "Lock", lambda **o: kits.lock(asyncio.Lock, **NATIVE, **o),
        not_promised=("owned",))  # fmt: skip
subject("semaphore", "asyncio", "Semaphore",
        lambda **o: kits.semaphore(lambda: asyncio.Semaphore(2), **NATIVE, **o))  # fmt: skip
subject("event", "asyncio", "Event", lambda **o: kits.event(asyncio.Event, **NATIVE, **o))
subject("condition", "asyncio", "Condition",
        lambda **o: kits.condition(asyncio.Condition, **NATIVE, **o),
        broken={"notified": NOTIFICATION}, mended=(3, 13))  # fmt: skip
subject("barrier", "asyncio", "Barrier",
        lambda **o: kits.barrier(
            lambda: asyncio.Barrier(3), cut_off="steps back", **NATIVE, **o),
        broken={"cut off": PLACES})  # fmt: skip
subject(
    "queue", "asyncio", "Queue", lambda **o: kits.queue(lambda: asyncio.Queue(1), **NATIVE, **o)
)
subject("priority queue", "asyncio", "PriorityQueue",
        lambda **o: kits.priority_queue(
            asyncio.PriorityQueue, stable=False, **NATIVE, **o))  # fmt: skip
subject("task group", "asyncio", "TaskGroup",
        lambda **o: kits.task_group(asyncio.TaskGroup, **NATIVE, **o))  # fmt: skip
subject("gather", "asyncio", "gather",
        lambda **o: kits.gather(lambda: asyncio.gather, shape="bare", **NATIVE, **o),
        broken={"cancelled": EARLY}, not_promised=("siblings", "left behind"))  # fmt: skip

# AnyIO, on both backends.

subject("lock", "anyio", "Lock", lambda **o: kits.lock(anyio.Lock, **o))
subject("semaphore", "anyio", "Semaphore",
        lambda **o: kits.semaphore(lambda: anyio.Semaphore(2), **o))  # fmt: skip
subject("limiter", "anyio", "CapacityLimiter",
        lambda **o: kits.limiter(lambda: anyio.CapacityLimiter(2), **o))  # fmt: skip
subject("event", "anyio", "Event", lambda **o: kits.event(anyio.Event, **o))
subject("condition", "anyio", "Condition", lambda **o: kits.condition(anyio.Condition, **o))
subject("queue", "anyio", "memory object stream",
        lambda **o: kits.queue(lambda: Ends(anyio.create_memory_object_stream(1)), **o))  # fmt: skip
subject("queue", "anyio", "memory object stream, natively cancelled",
        lambda **o: kits.queue(
            lambda: Ends(anyio.create_memory_object_stream(1)), **NATIVE, **o),
        broken=dict.fromkeys(("conserved", "timeouts", "handed on"), LOSES_ITEMS))  # fmt: skip
subject("condition", "anyio", "Condition, natively cancelled",
        lambda **o: kits.condition(anyio.Condition, **NATIVE, **o),
        broken=dict.fromkeys(("notified", "cancelled"), LOSES_THE_LOCK))  # fmt: skip
subject("task group", "anyio", "create_task_group",
        lambda **o: kits.task_group(anyio.create_task_group, **o))  # fmt: skip
subject("gather", "anyio", "gather",
        lambda **o: kits.gather(lambda: anyio.gather, shape="group", **o))  # fmt: skip

# trio.

subject("lock", "trio", "Lock", lambda **o: kits.lock(trio.Lock, **TRIO, **o))
subject("semaphore", "trio", "Semaphore",
        lambda **o: kits.semaphore(lambda: trio.Semaphore(2), **TRIO, **o))  # fmt: skip
subject("limiter", "trio", "CapacityLimiter",
        lambda **o: kits.limiter(lambda: trio.CapacityLimiter(2), **TRIO, **o))  # fmt: skip
subject("event", "trio", "Event", lambda **o: kits.event(trio.Event, **TRIO, **o))
subject("condition", "trio", "Condition", lambda **o: kits.condition(trio.Condition, **TRIO, **o),
        broken={"notified": NOTIFICATION})  # fmt: skip
subject("queue", "trio", "memory channel",
        lambda **o: kits.queue(lambda: Ends(trio.open_memory_channel(1)), **TRIO, **o))  # fmt: skip
subject("task group", "trio", "open_nursery",
        lambda **o: kits.task_group(trio.open_nursery, **TRIO, **o))  # fmt: skip


# concurrency, on both backends, and natively cancelled on asyncio.


for also, styled in (("", {}), (", natively cancelled", NATIVE)):
    for kit, what, examine in (
        ("lock", "Lock", lambda **o: kits.lock(concurrency.Lock, **o)),
        ("semaphore", "Semaphore",
         lambda **o: kits.semaphore(lambda: concurrency.Semaphore(2), **o)),
        ("limiter", "CapacityLimiter",
         lambda **o: kits.limiter(lambda: concurrency.CapacityLimiter(2), **o)),
        ("event", "Event", lambda **o: kits.event(concurrency.Event, **o)),
        ("condition", "Condition", lambda **o: kits.condition(concurrency.Condition, **o)),
        ("barrier", "Barrier", lambda **o: kits.barrier(lambda: concurrency.Barrier(3), **o)),
        ("queue", "Queue", lambda **o: kits.queue(lambda: concurrency.Queue.with_maxsize(1), **o)),
        ("queue", "Queue, a rendezvous",
         lambda **o: kits.queue(lambda: concurrency.Queue.with_maxsize(0), maxsize=0, **o)),
        ("priority queue", "PriorityQueue",
         lambda **o: kits.priority_queue(concurrency.PriorityQueue, **o)),
        ("task group", "TaskGroup(strict=True)",
         lambda **o: kits.task_group(lambda: concurrency.TaskGroup(strict=True), **o)),
        ("task group", "create_task_group",
         lambda **o: kits.task_group(concurrency.create_task_group, shape="either", **o)),
        ("gather", "gather",
         lambda **o: kits.gather(lambda: concurrency.gather, shape="group", **o)),
        ("race", "race", lambda **o: kits.race(lambda: concurrency.race, **o)),
        ("race", "first_success",
         lambda **o: kits.race(lambda: concurrency.first_success, wins="success", **o)),
        ("circuit breaker", "CircuitBreaker",
         lambda **o: kits.circuit_breaker(
             lambda: concurrency.CircuitBreaker(3, timeout=10), threshold=3, timeout=10, **o)),
        ("stream", "map_stream",
         lambda **o: kits.stream(lambda s: concurrency.map_stream(s, lambda item: item), **o)),
        ("stream", "merge_streams",
         lambda **o: kits.stream(concurrency.merge_streams, ahead=1, **o)),
        ("stream", "buffer_stream",
         lambda **o: kits.stream(lambda s: concurrency.buffer_stream(s, 2), ahead=3, **o)),
    ):  # fmt: skip
        subject(
            kit,
            "concurrency",
            what + also,
            lambda examine=examine, styled=styled, **o: examine(**styled, **o),
        )

subject("retry", "concurrency", "retry",
        lambda **o: kits.retry(
            lambda: concurrency.retry, pauses=((0.1, 0.11), (0.2, 0.22)), sees_deadlines=True,
            **o))  # fmt: skip
