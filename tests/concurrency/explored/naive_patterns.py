"""Planted bugs: patterns and streams as they are written without thinking of the way out."""

from __future__ import annotations

import asyncio
import math

import anyio

from concurrency import race


async def swallowing_gather(*aws, return_exceptions: bool = False) -> list[object]:
    """Takes everything that is raised for a result, cancellation included."""
    results: list[object] = [None] * len(aws)

    async def run(index: int, aw) -> None:
        try:
            results[index] = await aw
        except BaseException as exc:
            if not return_exceptions:
                raise
            results[index] = exc

    async with anyio.create_task_group() as tg:
        for index, aw in enumerate(aws):
            tg.start_soon(run, index, aw)
    return results


async def swallowing_alcall(items, func, *, return_exceptions: bool) -> list[object]:
    """The same over a list."""
    return await swallowing_gather(*map(func, items), return_exceptions=return_exceptions)


async def careless_gather(*aws, return_exceptions: bool = False) -> list[object]:
    """Raises the first failure, and leaves the siblings to themselves."""
    try:
        return await asyncio.gather(*aws, return_exceptions=return_exceptions)
    except ValueError as error:
        raise ExceptionGroup("gathered", [error]) from None


async def careless_map(func, items, *, limit: float = math.inf) -> list[object]:
    """The same over a list."""
    del limit
    return await careless_gather(*map(func, items))


async def careless_race(*aws, timeout: float | None = None) -> object:
    """Leaves the losers running when the time is over."""
    tasks = [asyncio.ensure_future(aw) for aw in aws]
    done, _ = await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    if not done:
        raise TimeoutError
    return done.pop().result()


async def discouraged_first_success(*aws, timeout: float | None = None) -> object:
    """Gives up at the first failure."""
    return await race(*aws, timeout=timeout)


async def orphaning_shield(work) -> object:
    """Keeps the work from being cancelled, and its caller from waiting for it."""
    return await asyncio.shield(asyncio.ensure_future(work()))


async def stubborn_retry(fn, *, attempts: int, base_delay: float, max_delay: float, **_) -> object:
    """Sleeps, whatever the deadline says."""
    for attempt in range(attempts):
        try:
            return await fn()
        except OSError:
            if attempt == attempts - 1:
                raise
            await anyio.sleep(min(max_delay, base_delay * 2**attempt))
    return None


class PatientCompletionStream:
    """Left early, waits for everything all the same."""

    def __init__(self, aws, *, limit: int | None = None) -> None:
        self.aws = list(enumerate(aws))
        self.limiter = anyio.CapacityLimiter(limit or math.inf)

    async def __aenter__(self):
        self.send, self.receive = anyio.create_memory_object_stream(math.inf)
        self.group = anyio.create_task_group()
        await self.group.__aenter__()
        for index, aw in self.aws:
            self.group.start_soon(self.run, index, aw)
        return self.receive

    async def run(self, index: int, aw) -> None:
        async with self.limiter:
            await self.send.send((index, await aw))

    async def __aexit__(self, *exc: object) -> None:
        await self.group.__aexit__(*exc)
        self.send.close()
        self.receive.close()


class Managed:
    """Makes an async generator look like a stream, for ``async with``."""

    def __init__(self, generator) -> None:
        self.generator = generator

    async def __aenter__(self):
        return self.generator

    async def __aexit__(self, *_: object) -> None:
        await self.generator.aclose()


def managed(func):
    return lambda *args, **options: Managed(func(*args, **options))


@managed
async def windowed_throttle(stream, rate: float, *, per: float = 1.0):
    """Counts by fixed windows: twice the rate where two of them meet."""
    window, count = -1, 0
    async for item in stream:
        now = anyio.current_time()
        if int(now // per) != window:
            window, count = int(now // per), 0
        if count >= rate:
            window += 1
            await anyio.sleep(window * per - now)
            count = 0
        count += 1
        yield item


@managed
async def deadly_batch(stream, size: int, *, timeout: float):
    """Puts its timeout around the pull, which kills the source."""
    iterator, ended = aiter(stream), False
    while not ended:
        batch = []
        with anyio.move_on_after(timeout / 2):
            while len(batch) < size:
                try:
                    batch.append(await anext(iterator))
                except StopAsyncIteration:
                    ended = True
                    break
        if batch:
            yield batch


@managed
async def none_ends_buffer(stream, maxsize: int = 10):
    """Takes ``None`` for the end."""
    send, receive = anyio.create_memory_object_stream(maxsize)

    async def pump() -> None:
        async for item in stream:
            await send.send(item)
        await send.send(None)

    async with anyio.create_task_group() as tg:
        tg.start_soon(pump)
        with send, receive:
            while (item := await receive.receive()) is not None:
                yield item
        tg.cancel_scope.cancel()


@managed
async def loose_merge(*streams):
    """Reads in tasks that nobody owns."""
    queue: asyncio.Queue = asyncio.Queue()

    async def pump(stream) -> None:
        async for item in stream:
            await queue.put(item)

    tasks = [asyncio.ensure_future(pump(stream)) for stream in streams]
    while not all(task.done() for task in tasks) or not queue.empty():
        yield await queue.get()


async def greedy_take(stream, n: int):
    """Pulls one more, to see that it has enough."""
    taken = 0
    async for item in stream:
        if taken == n:
            break
        taken += 1
        yield item
