"""Loops handed to whoever runs loops: Runner, AnyIO, a fixture."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import anyio
import pytest

import simclock
from simclock.on_asyncio import new_event_loop


async def racers() -> list[int]:
    order: list[int] = []

    async def racer(number: int) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(racer(number))
    return order


def run_on(loop_factory, main):
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main())


def test_a_runner_takes_it_as_its_loop_factory_and_time_is_virtual() -> None:
    async def main() -> float:
        await asyncio.sleep(1_000_000)
        return asyncio.get_running_loop().time()

    assert run_on(new_event_loop, main) == 1_000_000


def test_fifo_is_the_order_of_the_stock_loop() -> None:
    assert run_on(new_event_loop, racers) == run_on(asyncio.new_event_loop, racers)


def test_a_seed_decides_the_order_under_a_random_scheduler() -> None:
    def order(seed: int) -> tuple[int, ...]:
        return tuple(run_on(lambda: new_event_loop(scheduler="random", seed=seed), racers))

    assert order(1) == order(1)
    assert len({order(seed) for seed in range(10)}) > 5


def test_stalls_let_a_timeout_win_that_cannot_win_otherwise() -> None:
    async def main() -> str:
        async def work() -> str:
            for _ in range(5):
                await asyncio.sleep(0)
            return "done"

        try:
            return await asyncio.wait_for(work(), 1)
        except TimeoutError:
            return "late"

    calm = {run_on(lambda s=seed: new_event_loop(seed=s), main) for seed in range(20)}
    slow = {run_on(lambda s=seed: new_event_loop(seed=s, stalls=0.2), main) for seed in range(20)}

    assert calm == {"done"}
    assert slow == {"done", "late"}


def test_arrivals_keep_the_ready_order_under_a_random_scheduler() -> None:
    def make():
        return new_event_loop(scheduler="random", seed=3, reorder="arrivals")

    assert run_on(make, racers) == run_on(asyncio.new_event_loop, racers)


def test_arrivals_still_reorder_timers_of_one_instant() -> None:
    async def main() -> tuple[int, ...]:
        order: list[int] = []
        for number in range(4):
            asyncio.get_running_loop().call_later(1, order.append, number)
        await asyncio.sleep(2)
        return tuple(order)

    def make(seed: int):
        return lambda: new_event_loop(scheduler="random", seed=seed, reorder="arrivals")

    assert len({run_on(make(seed), main) for seed in range(20)}) > 5


def test_the_pair_for_anyio_runs_each_program_on_a_fresh_loop() -> None:
    backend, options = simclock.asyncio_backend(scheduler="random", seed=5)

    async def main() -> float:
        assert anyio.current_time() == 0
        await anyio.sleep(3)
        return anyio.current_time()

    for _ in range(2):
        assert anyio.run(main, backend=backend, backend_options=options) == 3


@pytest.fixture
def anyio_backend():
    return simclock.asyncio_backend(seed=7)


@pytest.mark.anyio
async def test_anyios_fixture_takes_the_pair(anyio_backend) -> None:
    await anyio.sleep(3600)

    assert anyio.current_time() == 3600


@pytest.mark.parametrize(
    ("world", "text"),
    [
        ({"seed": -1}, "seed is a whole number >= 0, not -1"),
        ({"scheduler": "fastest"}, "no scheduler is named 'fastest'"),
        ({"scheduler": "portfolio"}, "one loop or clock takes one scheduler"),
        ({"limits": 5}, "limits is a simclock.Limits, not 5"),
        ({"epoch": float("nan")}, "epoch is a date"),
        ({"reorder": "all"}, "reorder is 'tasks' or 'arrivals', not 'all'"),
        ({"stalls": 2}, "stalls is a probability from 0 to 1, not 2"),
    ],
)
def test_a_world_that_cannot_be_is_refused_where_it_is_written(world, text) -> None:
    with pytest.raises(simclock.UsageError, match=text):
        new_event_loop(**world)
    with pytest.raises(simclock.UsageError, match=text):
        simclock.asyncio_backend(**world)


def test_errors_go_to_the_exception_handler_as_on_the_stock_loop() -> None:
    heard: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: heard.append(context["message"]))
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    run_on(new_event_loop, main)

    assert len(heard) == 1
    assert heard[0].startswith("Exception in callback")


def test_leftovers_are_no_verdict_on_such_a_loop() -> None:
    async def main() -> str:
        asyncio.get_running_loop().call_later(5, print)
        asyncio.ensure_future(asyncio.sleep(3))
        return "fine"

    assert run_on(new_event_loop, main) == "fine"


def test_what_waits_for_ever_is_a_deadlock_out_of_run_until_complete() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(simclock.DeadlockError, match=r"Event\.wait"):
        run_on(new_event_loop, main)


def test_importing_simclock_imports_neither_asyncio_nor_trio() -> None:
    code = (
        "import sys, simclock\n"
        "assert not {'asyncio', 'trio', 'anyio'} & sys.modules.keys()\n"
        "simclock.asyncio_backend()\n"
        "assert 'trio' not in sys.modules\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
