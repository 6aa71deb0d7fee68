"""Clocks and backends for whoever runs trio."""

from __future__ import annotations

import anyio
import pytest
import trio

import simclock
from simclock.on_trio import new_clock


async def sleep_a_day() -> float:
    await trio.sleep(86_400)
    return trio.current_time()


def test_a_clock_makes_a_run_virtual() -> None:
    assert trio.run(sleep_a_day, clock=new_clock()) == 86_400


def test_a_clock_serves_one_run_after_another_each_from_the_start() -> None:
    clock = new_clock(seed=3)

    assert [trio.run(sleep_a_day, clock=clock) for _ in range(3)] == [86_400] * 3


def test_runs_of_one_clock_take_the_same_course() -> None:
    async def main() -> list[int]:
        order: list[int] = []

        async def note(number: int) -> None:
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            order.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(note, number)
        return order

    clock = new_clock(scheduler="random", seed=5)
    first, second = (trio.run(main, clock=clock) for _ in range(2))

    assert first == second != sorted(first)


def test_the_backend_pair_is_what_anyio_takes() -> None:
    name, options = simclock.trio_backend()

    assert anyio.run(sleep_a_day, backend=name, backend_options=options) == 86_400


def test_a_portfolio_is_no_clock() -> None:
    with pytest.raises(simclock.UsageError, match="many: call"):
        new_clock(scheduler="portfolio")
