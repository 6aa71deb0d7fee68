"""What each construct is made to do, written once for everybody who has that construct."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel

Program = Callable[[], Awaitable[object]]

LOCKS, ITEMS, GATHERED, LIMITED = 10_000, 5_000, 1_000, 2_000
MEETINGS, WAITERS, RACES, RACERS, LIMIT = 50, 20, 100, 10, 10


async def nothing(item: object = None) -> object:
    await anyio.lowlevel.checkpoint()
    return item


# --- primitives


def calls(make: Callable[[], Any]) -> Program:
    async def main() -> None:
        lock = make()
        for _ in range(LOCKS):
            await lock.acquire()
            lock.release()

    return main


def calls_outside(make: Callable[[], Any]) -> Program:
    lock = make()
    return calls(lambda: lock)


def blocks(make: Callable[[], Any]) -> Program:
    async def main() -> None:
        lock = make()
        for _ in range(LOCKS):
            async with lock:
                pass

    return main


def meetings(make: Callable[[], Any]) -> Program:
    async def main() -> None:
        for _ in range(MEETINGS):
            event = make()
            async with anyio.create_task_group() as tg:
                for _ in range(WAITERS):
                    tg.start_soon(event.wait)
                await anyio.lowlevel.checkpoint()
                event.set()

    return main


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


def gathered(gather: Any) -> Program:
    async def main() -> None:
        await gather(*(nothing(place) for place in range(GATHERED)))

    return main


def completions(stream: Any) -> Program:
    async def main() -> None:
        async with stream([nothing(place) for place in range(GATHERED)]) as results:
            async for _ in results:
                pass

    return main


async def asyncio_completions() -> None:
    for result in asyncio.as_completed([nothing(place) for place in range(GATHERED)]):
        await result


def racers() -> list[Any]:
    return [nothing(), *(anyio.sleep(60) for _ in range(RACERS - 1))]


def races(race: Any) -> Program:
    async def main() -> None:
        for _ in range(RACES):
            await race(*racers())

    return main


async def bare_race() -> None:
    for _ in range(RACES):
        async with anyio.create_task_group() as tg:

            async def run(work: Awaitable[object], scope: anyio.CancelScope) -> None:
                await work
                scope.cancel()

            for work in racers():
                tg.start_soon(run, work, tg.cancel_scope)


async def asyncio_race() -> None:
    for _ in range(RACES):
        tasks = [asyncio.create_task(work) for work in racers()]
        done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        done.pop().result()


def mapped(bounded_map: Any) -> Program:
    async def main() -> None:
        await bounded_map(nothing, range(LIMITED), limit=LIMIT)

    return main


async def bare_limited() -> None:
    limiter = anyio.CapacityLimiter(LIMIT)
    results: list[object] = [None] * LIMITED

    async def run(place: int) -> None:
        async with limiter:
            results[place] = await nothing(place)

    async with anyio.create_task_group() as tg:
        for place in range(LIMITED):
            tg.start_soon(run, place)


async def asyncio_limited() -> None:
    limiter = asyncio.Semaphore(LIMIT)

    async def run(place: int) -> object:
        async with limiter:
            return await nothing(place)

    await asyncio.gather(*map(run, range(LIMITED)))


def retries(retry: Any) -> Program:
    async def main() -> None:
        for _ in range(LOCKS):
            await retry(nothing)

    return main


async def bare_calls() -> None:
    for _ in range(LOCKS):
        await nothing()
