"""One schedule takes one course, in every process, whatever its heap and its hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Everything of trio and AnyIO that wakes tasks out of a set: events, nurseries that cancel,
# scopes within scopes, channels that close, tasks that wait for all others to be blocked.
PROGRAM = """
import random, sys
import anyio, trio, trio.testing

garbage = [object() for _ in range(int(sys.argv[1]))]
del garbage[::3]
for _ in range(int(sys.argv[1]) % 7):
    trio.run(trio.lowlevel.checkpoint)

from simclock.kernel import Limits
from simclock.on_trio.run import execute, new_timeline
from simclock.schedulers import Profile, UniformScheduler
from simclock.simulation.simulation import Simulation

async def waiter(event, log, name):
    try:
        with trio.CancelScope(), trio.CancelScope():
            await event.wait()
        log.append(name)
        await trio.sleep(name % 3)
        await trio.testing.wait_all_tasks_blocked()
    finally:
        log.append(-name)

async def reader(channel, log):
    with channel:
        try:
            log.append(await channel.receive())
        except trio.EndOfChannel:
            log.append("end")

async def confined(scopes, log, name, make):
    with make() as scope:
        scopes.add(scope)
        await trio.sleep_forever()
    log.append(name)

async def main():
    log = []
    for make in (trio.CancelScope, anyio.CancelScope):
        scopes = set()
        async with trio.open_nursery() as nursery:
            for name in range(20, 28):
                nursery.start_soon(confined, scopes, log, name, make)
            await trio.testing.wait_all_tasks_blocked()
            for scope in scopes:
                scope.cancel()
                await trio.lowlevel.checkpoint()
    event, anyio_event = trio.Event(), anyio.Event()
    send, receive = trio.open_memory_channel(0)
    async with trio.open_nursery() as nursery:
        for name in range(1, 12):
            nursery.start_soon(waiter, event, log, name)
            nursery.start_soon(reader, receive.clone(), log)
        async with anyio.create_task_group() as group:
            for name in range(12, 20):
                group.start_soon(waiter, anyio_event, log, name)
            await trio.sleep(1)
            for _ in range(3):
                await send.send("sent")
            send.close()
            event.set()
            await trio.sleep(1)
            group.cancel_scope.cancel()
        nursery.cancel_scope.cancel()
    receive.close()
    return log

for seed in (None, 1, 2, 3):
    scheduler = None
    if seed is not None:
        scheduler = UniformScheduler()
        scheduler.begin(random.Random(seed), Profile())
    simulation = Simulation(
        backend="trio", seed=1, scheduler=scheduler, limits=Limits(), timeline=new_timeline()
    )
    outcome = execute(simulation, main, (), unawaited=())
    assert outcome.failure is None, outcome.failure
    print(simulation.trace.digest().hex(), outcome.value)
"""


def course(garbage: int, hash_seed: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(garbage)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_processes_with_other_heaps_and_hash_seeds_take_the_same_course():
    first = course(0, 1)

    assert len(set(first.splitlines())) == 4
    for number in range(1, 7):
        assert course(number * 9_973, number) == first


@pytest.mark.parametrize("what", ["Task", "CancelStatus"])
def test_only_simulated_runs_hash_by_their_own_count(value, what):
    import trio
    from trio._core import _run

    async def two():
        with trio.CancelScope() as one, trio.CancelScope() as other:
            if what == "CancelStatus":
                return hash(one._cancel_status), hash(other._cancel_status)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                (child,) = nursery.child_tasks
                nursery.cancel_scope.cancel()
                return hash(trio.lowlevel.current_task()), hash(child)

    assert value(two) == value(two)
    assert max(value(two)) < 30
    assert min(trio.run(two)) > 1_000
    assert getattr(_run, what).__name__ == what
