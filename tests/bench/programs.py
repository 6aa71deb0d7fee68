"""What the contestants run."""

from __future__ import annotations

import asyncio

import anyio
import trio
from anyio.lowlevel import checkpoint

TASKS, CHECKPOINTS = 1_000, 200
SLEEPERS, SLEEPS = 300, 100


async def asyncio_steps() -> None:
    """A thousand tasks, two hundred checkpoints each."""

    async def step() -> None:
        for _ in range(CHECKPOINTS):
            await asyncio.sleep(0)

    await asyncio.gather(*(step() for _ in range(TASKS)))


async def trio_steps() -> None:
    """The same on trio."""

    async def step() -> None:
        for _ in range(CHECKPOINTS):
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for _ in range(TASKS):
            nursery.start_soon(step)


async def asyncio_sleeps() -> None:
    """Sleepers that sleep a second at a time, all together."""

    async def sleeper() -> None:
        for _ in range(SLEEPS):
            await asyncio.sleep(1)

    await asyncio.gather(*(sleeper() for _ in range(SLEEPERS)))


async def asyncio_zero_sleeps() -> None:
    """Sleepers that sleep for no time at all."""

    async def sleeper() -> None:
        for _ in range(SLEEPS):
            await asyncio.sleep(0)

    await asyncio.gather(*(sleeper() for _ in range(SLEEPERS)))


async def asyncio_short_sleeps() -> None:
    """Sleepers that sleep for a nanosecond, through a timer."""

    async def sleeper() -> None:
        for _ in range(SLEEPS):
            await asyncio.sleep(1e-9)

    await asyncio.gather(*(sleeper() for _ in range(SLEEPERS)))


async def trio_sleeps() -> None:
    """As asyncio_sleeps."""

    async def sleeper() -> None:
        for _ in range(SLEEPS):
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        for _ in range(SLEEPERS):
            nursery.start_soon(sleeper)


async def trio_zero_sleeps() -> None:
    """As asyncio_zero_sleeps."""

    async def sleeper() -> None:
        for _ in range(SLEEPS):
            await trio.sleep(0)

    async with trio.open_nursery() as nursery:
        for _ in range(SLEEPERS):
            nursery.start_soon(sleeper)


async def three_tasks() -> None:
    """Three tasks of two checkpoints in a task group of AnyIO."""

    async def task() -> None:
        await checkpoint()
        await checkpoint()

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(task)
