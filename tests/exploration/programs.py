"""Small programs with one planted bug each, for asyncio, trio and AnyIO."""

from __future__ import annotations

import asyncio
import random

import anyio
from anyio.lowlevel import checkpoint


async def lost_update() -> None:
    """Two tasks add one to the same number; each awaits between reading and writing."""
    total = 0

    async def add(pause: int) -> None:
        nonlocal total
        for _ in range(pause):
            await checkpoint()
        seen = total
        await checkpoint()
        total = seen + 1

    async with anyio.create_task_group() as group:
        group.start_soon(add, 0, name="first")
        group.start_soon(add, 2, name="second")
    assert total == 2, f"two were added, {total} arrived"


async def no_lost_update() -> None:
    """The same under a lock."""
    total, lock = 0, anyio.Lock()

    async def add() -> None:
        nonlocal total
        async with lock:
            seen = total
            await checkpoint()
            total = seen + 1

    async with anyio.create_task_group() as group:
        group.start_soon(add)
        group.start_soon(add)
    assert total == 2


async def lock_order() -> None:
    """Two tasks take two locks, each in the other's order."""
    left, right = anyio.Lock(), anyio.Lock()

    async def take(first: anyio.Lock, second: anyio.Lock, pause: int) -> None:
        for _ in range(pause):
            await checkpoint()
        async with first:
            await checkpoint()
            async with second:
                await checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(take, left, right, 0, name="lefty")
        group.start_soon(take, right, left, 12, name="righty")


async def slow_answer() -> None:
    """The answer is always there in time, unless the machine is slow."""
    with anyio.fail_after(1):
        for _ in range(3):
            await checkpoint()


async def permit_lost_to_cancellation() -> None:
    """A permit is given back only if nothing goes wrong in between."""
    free = 1

    async def use() -> None:
        nonlocal free
        free -= 1
        await checkpoint()
        await anyio.sleep(0.1)
        free += 1

    try:
        await use()
    finally:
        assert free == 1, "the permit is gone"


async def permit_kept() -> None:
    """The same with a ``finally``."""
    free = 1

    async def use() -> None:
        nonlocal free
        free -= 1
        try:
            await anyio.sleep(0.1)
        finally:
            free += 1

    try:
        await use()
    finally:
        assert free == 1


async def worker_dies_quietly() -> None:
    """A worker that is cancelled leaves its job marked as taken."""
    taken: set[str] = set()

    async def work(job: str) -> None:
        taken.add(job)
        await checkpoint()
        await checkpoint()
        taken.discard(job)

    async with anyio.create_task_group() as group:
        group.start_soon(work, "a", name="worker")
    assert not taken, "a job is taken and nobody works on it"


async def faulty_one_time_in_ten() -> None:
    """The program's own dice decide."""
    await checkpoint()
    assert random.random() > 0.1, "the dice said so"


async def native_asyncio() -> None:
    """Plain asyncio: a flag is read before it is set, in the wrong order."""
    ready = False

    async def setter() -> None:
        nonlocal ready
        ready = True
        await asyncio.sleep(0)

    async def reader() -> None:
        await asyncio.sleep(0)
        assert ready, "read before it was set"

    await asyncio.gather(setter(), reader())
