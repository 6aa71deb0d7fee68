"""One seed, one course, in whatever process: nothing depends on addresses or string hashes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import simclock

PROGRAMS = Path(__file__).with_name("programs_digest.py")
ROOT = Path(__file__).parents[2]


def digest(hash_seed: int, clutter: int) -> str:
    done = subprocess.run(
        [sys.executable, str(PROGRAMS), str(clutter)],
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_groups_take_one_course_in_processes_that_differ() -> None:
    digests = {digest(seed, clutter) for seed, clutter in [(0, 0), (1, 10_007), (99, 123_457)]}

    assert len(digests) == 1
    assert len(digests.pop()) == 64


def test_sets_of_tasks_and_futures_iterate_in_order_of_creation_in_small_sets() -> None:
    async def main() -> list[str]:
        tasks = {asyncio.create_task(asyncio.sleep(0), name=str(n)) for n in range(4)}
        names = [task.get_name() for task in tasks]
        await asyncio.wait(tasks)
        return names

    assert simclock.run(main) == simclock.run(main)


def test_hashes_begin_anew_with_each_run() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        return [
            hash(asyncio.current_task()),
            hash(loop.create_future()),
            hash(loop.create_future()),
        ]

    assert simclock.run(main) == simclock.run(main)


def test_call_soon_keeps_its_order_under_every_scheduler() -> None:
    async def main() -> None:
        loop, called = asyncio.get_running_loop(), []

        async def noise() -> None:
            for _ in range(5):
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(noise())
            for number in range(20):
                loop.call_soon(called.append, number)
                if number % 5 == 0:
                    await asyncio.sleep(0)
        await asyncio.sleep(1)
        assert called == list(range(20))

    for scheduler in ("fifo", "random", "pct:3", "urw", "pos", "delays:3", "portfolio"):
        simclock.explore(main, scheduler=scheduler, schedules=40)


def test_done_callbacks_keep_their_order_under_every_scheduler() -> None:
    async def main() -> None:
        future, called = asyncio.get_running_loop().create_future(), []
        for number in range(10):
            future.add_done_callback(lambda _, number=number: called.append(number))

        async def resolve() -> None:
            await asyncio.sleep(0)
            future.set_result(None)

        async with asyncio.TaskGroup() as group:
            group.create_task(resolve())
            for _ in range(4):
                group.create_task(asyncio.sleep(0))
        await asyncio.sleep(1)
        assert called == list(range(10))

    for scheduler in ("random", "pct:3", "urw"):
        simclock.explore(main, scheduler=scheduler, schedules=60)


def test_tasks_do_change_their_order() -> None:
    async def main() -> None:
        order: list[int] = []

        async def step(number: int) -> None:
            order.append(number)

        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(step(number))
        assert order == [0, 1, 2]

    found = simclock.explore(main, schedules=50, on_failure="return").failure

    assert isinstance(found.exception, AssertionError)
