"""Virtual time is exact: nothing fires early, late, or in an order that nobody decided."""

from __future__ import annotations

import asyncio

import pytest

import simclock

NANOSECOND = 1e-9


def test_a_timer_a_billion_seconds_away_fires_exactly_then() -> None:
    async def main() -> float:
        await asyncio.sleep(1e9)
        return asyncio.get_running_loop().time()

    assert simclock.run(main) == 1e9


def test_timers_a_nanosecond_apart_fire_in_order_of_time() -> None:
    async def main() -> tuple[list[str], list[float]]:
        loop, fired, times = asyncio.get_running_loop(), [], []

        def fire(name: str) -> None:
            fired.append(name)
            times.append(loop.time())

        loop.call_at(1 + 2 * NANOSECOND, fire, "third")
        loop.call_at(1 + NANOSECOND, fire, "second")
        loop.call_at(1, fire, "first")
        await asyncio.sleep(2)
        return fired, times

    # Whatever the scheduler, these are three instants and no tie.
    fired, times = simclock.run(main, scheduler="random", seed=4)

    assert fired == ["first", "second", "third"]
    assert times == [1.0, 1.000000001, 1.000000002]


def test_timers_of_one_instant_fire_in_order_of_creation_on_calm() -> None:
    async def main() -> list[int]:
        fired: list[int] = []
        for number in range(50):
            asyncio.get_running_loop().call_at(7, fired.append, number)
        await asyncio.sleep(8)
        return fired

    assert simclock.run(main) == list(range(50))


def test_a_tenth_and_two_tenths_are_three_tenths() -> None:
    async def main() -> tuple[list[str], float]:
        loop, fired = asyncio.get_running_loop(), []
        loop.call_at(0.1 + 0.2, fired.append, "older")
        loop.call_at(0.3, fired.append, "younger")
        loop.call_at(0.3, lambda: fired.append(f"{loop.time() >= 0.1 + 0.2}"))
        await asyncio.sleep(1)
        return fired, loop.time()

    fired, now = simclock.run(main)

    assert fired == ["older", "younger", "True"]
    assert now == 1


@pytest.mark.parametrize("scheduler", ["fifo", "random", "pct:3"])
def test_a_sleeper_never_wakes_before_its_own_float(scheduler: str) -> None:
    async def sleeper(delays: list[float]) -> None:
        loop = asyncio.get_running_loop()
        for delay in delays:
            start = loop.time()
            await asyncio.sleep(delay)
            assert start + delay <= loop.time()

    async def main() -> None:
        tenths = [0.1 * n for n in range(1, 9)]
        async with asyncio.TaskGroup() as group:
            for shift in range(8):
                group.create_task(sleeper([*tenths[shift:], 1 / 3, 1e-9, *tenths[:shift]]))

    simclock.run(main, scheduler=scheduler, seed=9)


def test_time_stands_still_while_anything_can_run() -> None:
    async def main() -> set[float]:
        loop = asyncio.get_running_loop()
        seen = set()
        timer = loop.call_later(1e-9, print)
        for _ in range(300):
            await asyncio.sleep(0)
            seen.add(loop.time())
        timer.cancel()
        return seen

    assert simclock.run(main) == {0.0}


def test_a_cancelled_timer_does_not_move_the_clock() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(5, print).cancel()
        await asyncio.sleep(1)
        return loop.time()

    assert simclock.run(main) == 1


def test_a_thousand_cancelled_timers_are_let_go() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        for timer in [loop.call_later(9, print) for _ in range(1000)]:
            timer.cancel()
        return len(loop.simulation.timeline)

    assert simclock.run(main) < 500


def test_an_infinite_timeout_never_fires_and_is_no_timer() -> None:
    async def main() -> float:
        async with asyncio.timeout(float("inf")):
            await asyncio.sleep(2)
        return asyncio.get_running_loop().time()

    assert simclock.run(main) == 2


def test_a_timer_in_the_past_fires_at_once() -> None:
    async def main() -> float:
        loop, fired = asyncio.get_running_loop(), asyncio.Event()
        loop.call_at(-5, fired.set)
        await fired.wait()
        return loop.time()

    assert simclock.run(main) == 0


def test_busy_polling_ends_when_a_timer_ends_it() -> None:
    async def main() -> float:
        loop, done = asyncio.get_running_loop(), []
        loop.call_later(30, done.append, True)
        while not done:
            await asyncio.sleep(0)
        return loop.time()

    assert simclock.run(main) == 30


@pytest.mark.parametrize("seconds", [0.05, 600.0])
def test_polling_the_clock_itself_ends_soon_after_the_time_it_waits_for(seconds: float) -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        while loop.time() < seconds:
            await asyncio.sleep(0)
        return loop.time()

    assert seconds <= simclock.run(main) <= 1.11 * seconds


def test_one_poll_after_another_ends_as_soon_as_it_would_by_itself() -> None:
    async def poll(seconds: float) -> float:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            await asyncio.sleep(0)
        return loop.time() - until

    async def main() -> float:
        await poll(2_000)
        await asyncio.sleep(5)
        return await poll(0.01)

    assert simclock.run(main) < 0.01


def test_callbacks_without_end_do_not_stop_the_clock() -> None:
    async def main() -> float:
        loop, over = asyncio.get_running_loop(), []

        def again() -> None:
            if not over:
                loop.call_soon(again)

        again()
        await asyncio.sleep(1)
        over.append(True)
        return loop.time()

    assert 1 <= simclock.run(main) < 2.2


def test_polling_for_a_thread_that_works_lets_no_time_pass() -> None:
    async def main() -> float:
        work = asyncio.create_task(asyncio.to_thread(sum, range(5_000_000)))
        while not work.done():
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert simclock.run(main) == 0


def test_polling_that_no_timer_can_end_is_a_livelock() -> None:
    async def poller() -> None:
        while True:
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.create_task(poller())

    with pytest.raises(simclock.LivelockError, match=r"poller: \d+ at .*test_time.py:\d+"):
        simclock.run(main, limits=simclock.Limits(steps=5_000))


def test_time_past_its_limit_is_a_livelock() -> None:
    async def main() -> None:
        while True:
            await asyncio.sleep(60)

    with pytest.raises(simclock.LivelockError, match="past the limit of 3600 virtual seconds"):
        simclock.run(main, limits=simclock.Limits(virtual_time=3600))
