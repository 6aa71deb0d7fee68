"""``make bench``: `concurrency` against AnyIO's own, asyncio's own and the real systems.

    python tests/bench/constructs.py [--rounds 7]

Contestants take turns within a round, each round gives ratios of processor time to the first of
them, and the median of the rounds is printed. The real systems take part where they are installed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import math
import tracemalloc
from collections.abc import Awaitable, Callable
from statistics import median
from time import process_time
from typing import Any

import anyio
import anyio.lowlevel

import concurrency as ours

BACKENDS = ("asyncio", "trio")
Program = Callable[[], Awaitable[object]]

LOCKS, ITEMS, GATHERED, MAPPED = 10_000, 5_000, 1_000, 100_000


async def nothing(item: object = None) -> object:
    await anyio.lowlevel.checkpoint()
    return item


# --- locks


def lock_calls(lock: Any) -> Program:
    async def main() -> None:
        for _ in range(LOCKS):
            await lock.acquire()
            lock.release()

    return main


def lock_blocks(lock: Any) -> Program:
    async def main() -> None:
        for _ in range(LOCKS):
            async with lock:
                pass

    return main


# --- queues


def through_queue(make: Callable[[int], Any], size: int) -> Program:
    async def main() -> None:
        queue = make(size)

        async def put() -> None:
            for item in range(ITEMS):
                await queue.put(item)

        async with anyio.create_task_group() as tg:
            tg.start_soon(put)
            for _ in range(ITEMS):
                await queue.get()

    return main


def through_stream(size: int) -> Program:
    async def main() -> None:
        send, receive = anyio.create_memory_object_stream[int](size)

        async def put() -> None:
            for item in range(ITEMS):
                await send.send(item)

        with send, receive:
            async with anyio.create_task_group() as tg:
                tg.start_soon(put)
                for _ in range(ITEMS):
                    await receive.receive()

    return main


# --- patterns


async def bare_group() -> None:
    results: list[object] = [None] * GATHERED

    async def run(place: int) -> None:
        results[place] = await nothing(place)

    async with anyio.create_task_group() as tg:
        for place in range(GATHERED):
            tg.start_soon(run, place)


async def gathered() -> None:
    await ours.gather(*(nothing(place) for place in range(GATHERED)))


async def asyncio_gathered() -> None:
    await asyncio.gather(*(nothing(place) for place in range(GATHERED)))


def elsewhere(name: str, path: str) -> Program | None:
    """Return the gather of a real system, if it can be imported on this Python."""
    try:
        gather = importlib.import_module(path).gather
    except (ImportError, AttributeError, SyntaxError):
        print(f"({name} cannot be imported here and takes no part.)")
        return None

    async def main() -> None:
        await gather(*(nothing(place) for place in range(GATHERED)))

    return main


# --- the stop watch


def compare(title: str, count: int, who: dict[str, Program], backend: str, rounds: int) -> None:
    """Print one table: nanoseconds each, and the ratio of time to the first's."""
    seconds: dict[str, list[float]] = {name: [] for name in who}
    for turn in range(rounds + 1):
        for name, program in who.items():
            gc.collect()
            started = process_time()
            anyio.run(program, backend=backend)
            if turn:
                seconds[name].append(process_time() - started)
    first = next(iter(seconds.values()))
    print(f"\n{title}, {backend}\n\n| | ns each | time, as a ratio |\n|---|---:|---:|")
    for name, times in seconds.items():
        ratio = median(own / base for own, base in zip(times, first, strict=True))
        print(f"| {name} | {median(times) / count * 1e9:,.0f} | {ratio:.2f} |", flush=True)


def speed(backend: str, rounds: int) -> None:
    """Compare everything that has a counterpart."""
    stock = {"asyncio.Lock": asyncio.Lock()} if backend == "asyncio" else {}
    locks = {"anyio.Lock, fast": anyio.Lock(fast_acquire=True), "Lock": ours.Lock()}
    for title, make in (("acquire() and release()", lock_calls), ("async with lock", lock_blocks)):
        who = {name: make(lock) for name, lock in {**locks, **stock}.items()}
        compare(title, LOCKS, who, backend, rounds)
    for size in (0, 1, 10, 1_000):
        who = {
            "anyio memory stream": through_stream(size),
            "Queue": through_queue(ours.Queue.with_maxsize, size),
        }
        if size:
            who["PriorityQueue"] = through_queue(ours.PriorityQueue, size)
        if size and backend == "asyncio":
            who["asyncio.Queue"] = through_queue(asyncio.Queue, size)
        compare(f"put and get, size {size}", ITEMS, who, backend, rounds)
    patterns = {"bare task group": bare_group, "gather": gathered}
    if backend == "asyncio":
        patterns["asyncio.gather"] = asyncio_gathered
    for name, path in (
        ("lionherd-core", "lionherd_core.libs.concurrency"),
        ("lionpride", "lionpride.libs.concurrency"),
        ("toolcase", "toolcase.runtime.concurrency"),
    ):
        if other := elsewhere(name, path):
            patterns[name] = other
    compare("gather of 1,000", GATHERED, patterns, backend, rounds)


def memory(backend: str) -> None:
    """Print the peak of bounded_map over few and many items, results not counted."""
    print(
        f"\nbounded_map(limit=10), peak memory beyond the results, {backend}\n\n| items | KiB |\n|---:|---:|"
    )

    async def drop(_item: object) -> None:
        await anyio.lowlevel.checkpoint()

    for count in (1_000, 10_000, MAPPED):

        async def main(count: int = count) -> None:
            await ours.bounded_map(drop, range(count), limit=10)

        anyio.run(main, backend=backend)
        gc.collect()
        tracemalloc.start()
        anyio.run(main, backend=backend)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # A list of results is the one thing that must grow: a pointer each, over-allocated.
        print(f"| {count:,} | {(peak - count * 9) / 1024:,.0f} |", flush=True)


def heap(rounds: int) -> None:
    """Plot what one put and get cost in a priority queue of n items."""
    print("\nPriorityQueue, one put and one get among n items\n\n```text")
    for exponent in range(1, 6):
        size, times = 10**exponent, []

        async def main(size: int = size, times: list[float] = times) -> None:
            queue: ours.PriorityQueue[int] = ours.PriorityQueue()
            for item in range(size):
                await queue.put_nowait((item * 7919) % size)
            for _ in range(rounds):
                started = process_time()
                for item in range(2_000):
                    await queue.put_nowait((item * 104_729) % size)
                    await queue.get_nowait()
                times.append((process_time() - started) / 2_000 * 1e9)

        anyio.run(main)
        cost = median(times)
        print(f"n = {size:>7,} {cost:>6,.0f} ns {'#' * round(cost / 200)}", flush=True)
    print(
        f"```\n\nlog2(n) grows {math.log2(1e5) / math.log2(10):.1f}-fold from the first to the last row."
    )


def tracking(rounds: int) -> None:
    """Compare a load of tracked connections with the same load untracked."""

    async def load(*, tracked: bool) -> None:
        queue: ours.Queue[bytes] = ours.Queue.with_maxsize(10)

        class Connection:
            pass

        async def serve() -> None:
            async for request in queue:
                connection = Connection()
                if tracked:
                    ours.track_resource(connection, kind="connection")
                # What a request costs beside its connection: some parsing, and some awaits.
                for _ in range(20):
                    sorted(request, key=lambda byte: -byte)
                    await anyio.lowlevel.checkpoint()
                if tracked:
                    ours.untrack_resource(connection)

        async with ours.TaskGroup() as tg:
            for _ in range(5):
                tg.start_soon(serve)
            async with queue:
                for _ in range(300):
                    await queue.put(bytes(range(64)))

    async def without() -> None:
        await load(tracked=False)

    async def idle() -> None:
        await load(tracked=True)

    async def on() -> None:
        with ours.LeakTracker():
            await load(tracked=True)

    who = {"no tracking": without, "track_resource, no tracker": idle, "LeakTracker entered": on}
    compare("300 requests, a connection each", 300, who, "asyncio", rounds)


def main() -> None:
    """Run it all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    for backend in BACKENDS:
        speed(backend, rounds)
        memory(backend)
    heap(rounds)
    tracking(rounds)


if __name__ == "__main__":
    main()
