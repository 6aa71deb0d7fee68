"""Sets of queues, events, channels and tasks are walked in one order in every process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import simclock

PROGRAM = """
import asyncio, sys
import anyio, trio
import simclock

garbage = [object() for _ in range(int(sys.argv[1]))]


class OwnTask(asyncio.Task):
    pass


async def on_asyncio():
    queues = {asyncio.Queue(number) for number in range(12)}
    order = [queue.maxsize for queue in queues]
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, coro, **more: OwnTask(coro, loop=loop, **more))
    tasks = {asyncio.create_task(asyncio.sleep(0), name=str(number)) for number in range(12)}
    order += [task.get_name() for task in tasks]
    await asyncio.gather(*tasks)
    return order + await with_anyio()


async def on_trio():
    limiters = {trio.CapacityLimiter(number) for number in range(1, 12)}
    return [limiter.total_tokens for limiter in limiters] + await with_anyio()


async def with_anyio():
    kinds = {anyio.Event(): n for n in range(9)} | {anyio.Lock(): n for n in range(9)}
    order = [kinds[each] for each in set(kinds)]
    pairs = [anyio.create_memory_object_stream(1) for _ in range(9)]
    places = {stream: n for n, pair in enumerate(pairs) for stream in pair}
    order += [places[each] for each in set(places)]
    for stream in places:
        stream.close()
    return order


for backend, main in (("asyncio", on_asyncio), ("trio", on_trio)):
    print(simclock.run(main, backend=backend, scheduler="random", seed=3))
    simclock.explore(main, backend=backend, schedules=40)
"""


def test_processes_with_other_heaps_walk_them_in_the_same_order() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, garbage],
            env={**os.environ, "PYTHONHASHSEED": garbage},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for garbage in ("1", "777", "4000")
    }

    assert len(outputs) == 1


def test_sets_of_ones_own_objects_are_told_to_be_the_likely_cause() -> None:
    class Subscriber:
        """Hashes by its address, as classes do."""

    async def main() -> None:
        subscribers = {Subscriber(): number for number in range(40)}
        for _ in range(next(subscribers[each] for each in set(subscribers))):
            await simclock.current().settle()

    with pytest.raises(simclock.NondeterminismError) as caught:
        simclock.explore(main, schedules=2_000)

    assert "hash by their address" in "".join(caught.value.__notes__)
