# ruff: noqa: TID251 - the clocks of the time module are the subject
"""Where the simulated world ends: refused calls, clocks, randomness, and what is given back."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import time

import pytest

import simclock
from simclock.on_asyncio import new_event_loop
from simclock.on_asyncio.refusals import Refusals


def calls() -> list[str]:
    return sorted(name for name in vars(Refusals) if not name.startswith("_"))


@pytest.mark.parametrize("call", calls())
def test_a_refused_call_names_itself_and_its_substitute(call: str) -> None:
    async def main() -> None:
        outcome = getattr(asyncio.get_running_loop(), call)(1, 2)
        if asyncio.iscoroutine(outcome):
            await outcome

    with pytest.raises(simclock.OutsideSimulationError) as caught:
        simclock.run(main)

    text = str(caught.value)
    assert text.startswith(f"loop.{call}() reaches outside the simulation; ")
    assert len(text.partition("; ")[2].split()) > 4


@pytest.mark.parametrize(
    ("use", "call"),
    [
        (lambda: asyncio.open_connection("localhost", 80), "create_connection"),
        (lambda: asyncio.start_server(print, "localhost", 0), "create_server"),
        (lambda: asyncio.create_subprocess_exec("true"), "subprocess_exec"),
        (lambda: asyncio.create_subprocess_shell("true"), "subprocess_shell"),
        (lambda: asyncio.get_running_loop().getaddrinfo("localhost", 80), "getaddrinfo"),
    ],
)
def test_what_asyncio_builds_on_a_refused_call_is_refused_by_its_name(use, call: str) -> None:
    async def main() -> None:
        await use()

    with pytest.raises(simclock.OutsideSimulationError, match=rf"loop\.{call}\(\)"):
        simclock.run(main)


def test_every_method_that_the_stock_selector_loop_adds_is_refused_or_there() -> None:
    stock = asyncio.new_event_loop()
    ours = new_event_loop()
    missing = [
        name
        for name in dir(stock)
        if not name.startswith("_") and callable(getattr(stock, name)) and not hasattr(ours, name)
    ]
    stock.close()
    ours.close()

    assert missing == []


def test_no_method_raises_a_bare_not_implemented_error() -> None:
    loop = new_event_loop()
    left, right = socket.socketpair()
    with left, right:
        for call in calls():
            with pytest.raises(simclock.OutsideSimulationError):
                outcome = getattr(loop, call)(left, b"")
                loop.run_until_complete(outcome)
    loop.close()


def test_the_time_module_shows_the_clock_of_the_loop() -> None:
    async def main() -> list[float]:
        await asyncio.sleep(90)
        return [
            time.monotonic(),
            time.monotonic_ns() / 1e9,
            time.perf_counter(),
            asyncio.get_running_loop().time(),
        ]

    assert simclock.run(main) == [90.0] * 4


def test_the_date_begins_at_the_epoch_and_moves_with_the_clock() -> None:
    async def main() -> tuple[float, float, int]:
        began = time.time()
        await asyncio.sleep(3600)
        return began, time.time(), time.time_ns()

    assert simclock.run(main, epoch=1e9) == (1e9, 1e9 + 3600, (10**9 + 3600) * 10**9)


def test_time_sleep_lets_time_pass_and_nobody_runs_meanwhile() -> None:
    async def main() -> tuple[list[str], float]:
        log: list[str] = []

        async def other() -> None:
            log.append("other")

        task = asyncio.create_task(other())
        time.sleep(5)
        log.append("slept")
        await task
        return log, asyncio.get_running_loop().time()

    assert simclock.run(main) == (["slept", "other"], 5)


def test_timers_that_became_due_during_time_sleep_fire_after_it() -> None:
    async def main() -> list[float]:
        loop, fired = asyncio.get_running_loop(), []
        for when in (1, 2):
            loop.call_later(when, lambda: fired.append(loop.time()))
        time.sleep(5)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return fired

    assert simclock.run(main) == [5, 5]


def test_clocks_are_real_again_after_a_run() -> None:
    before = time.monotonic, time.time, time.sleep, time.perf_counter

    async def main() -> None:
        await asyncio.sleep(1)

    simclock.run(main)

    assert (time.monotonic, time.time, time.sleep, time.perf_counter) == before


def test_random_is_seeded_by_the_run_and_restored_after_it() -> None:
    async def main() -> float:
        await asyncio.sleep(0)
        return random.random()

    random.seed(1)
    expected = [random.random() for _ in range(3)]
    random.seed(1)
    drawn = [random.random()]
    first, again, other = (simclock.run(main, seed=seed) for seed in (5, 5, 6))
    drawn += [random.random(), random.random()]

    assert first == again != other
    assert drawn == expected


def test_each_schedule_of_an_exploration_has_its_own_randomness() -> None:
    seen: list[float] = []

    async def main() -> None:
        seen.append(random.random())

    simclock.explore(main, schedules=10)

    # The first schedule runs more than once: it also warms up, and certifies determinism.
    assert len(set(seen)) >= 9


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(enabled: bool) -> None:
    async def main() -> None:
        assert not gc.isenabled()

    was = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        simclock.explore(main, schedules=3)
        assert gc.isenabled() is enabled
        assert gc.get_freeze_count() == 0
    finally:
        (gc.enable if was else gc.disable)()


def test_a_simulation_inside_a_simulation_is_refused() -> None:
    async def inner() -> None:
        """Never run."""

    async def main() -> None:
        simclock.run(inner)

    with pytest.raises(simclock.NestedSimulationError, match="await the inner main"):
        simclock.run(main)


def test_a_loop_inside_a_loop_is_refused_in_asyncios_own_words() -> None:
    async def main() -> None:
        inner = new_event_loop()
        try:
            inner.run_forever()
        finally:
            inner.close()

    with pytest.raises(RuntimeError, match="while another loop is running"):
        simclock.run(main)


def test_a_world_of_its_own_may_run_in_another_thread() -> None:
    async def inner() -> float:
        await asyncio.sleep(7)
        return asyncio.get_running_loop().time()

    async def main() -> float:
        with_loop = asyncio.Runner(loop_factory=new_event_loop)

        def run() -> float:
            with with_loop as runner:
                return runner.run(inner())

        return await asyncio.to_thread(run)

    assert simclock.run(main) == 7
