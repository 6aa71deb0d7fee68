"""Prints a digest of the course of programs full of sets: run in processes that differ."""

from __future__ import annotations

import asyncio
import hashlib
import sys

import anyio

import simclock
from simclock.on_asyncio import new_event_loop

SEEDS = range(6)


def note(log: list[str], name: str):
    async def noted() -> None:
        try:
            await asyncio.sleep(1 + len(log) % 3)
        except asyncio.CancelledError:
            log.append(f"{name} cancelled")
            raise
        log.append(f"{name} slept")

    return noted()


async def task_group(log: list[str]) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(12):
                group.create_task(note(log, f"member-{number}"))
            group.create_task(fail())
    except* ValueError:
        log.append("failed")


async def wait_and_gather(log: list[str]) -> None:
    tasks = {asyncio.ensure_future(note(log, f"waited-{number}")) for number in range(12)}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    log.append(" ".join(task.get_name() for task in done))
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    futures = {asyncio.get_running_loop().create_future() for _ in range(12)}
    for number, future in enumerate(futures):
        future.set_result(number)
    log.append(str([await each for each in asyncio.as_completed(futures)]))


async def anyio_groups(log: list[str]) -> None:
    async def nested(name: str) -> None:
        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(lambda n=number: note(log, f"{name}-{n}"))

    with anyio.move_on_after(0.5):
        async with anyio.create_task_group() as group:
            for name in "abcd":
                group.start_soon(nested, name)


def main(clutter: int) -> None:
    # Heaps that differ: addresses, and whatever hangs on them, are no longer the same.
    kept = [object() for _ in range(clutter)] + [bytearray(n) for n in range(clutter % 997)]
    digest = hashlib.sha256()
    for program in (task_group, wait_and_gather, anyio_groups):
        for seed in SEEDS:
            log: list[str] = []
            loop = new_event_loop(scheduler="random", seed=seed)
            with asyncio.Runner(loop_factory=lambda loop=loop: loop) as runner:
                runner.run(program(log))
            digest.update(loop.simulation.trace.digest() + "\n".join(log).encode())
            log.clear()
            simclock.run(program, log, scheduler="random", seed=seed)
            digest.update("\n".join(log).encode())
            kept.append(log)
    sys.stdout.write(digest.hexdigest())


if __name__ == "__main__":
    main(int(sys.argv[1]))
