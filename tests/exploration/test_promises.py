"""always, sometimes, reachable, unreachable, eventually."""

from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

import simclock


def test_outside_a_simulation_promises_cost_nothing_and_do_nothing() -> None:
    simclock.always(False, "never checked")
    simclock.sometimes(False, "never checked")
    simclock.reachable("never checked")
    simclock.unreachable("never checked")
    simclock.eventually(lambda: False, within=1)


def test_a_broken_always_fails_the_run_even_if_the_program_swallows_it(backend: str) -> None:
    async def main() -> None:
        try:
            simclock.always(1 > 2, "one is more than two")
        except AssertionError:
            await checkpoint()

    with pytest.raises(simclock.PromiseBrokenError, match="always: one is more than two"):
        simclock.run(main, backend=backend)


def test_reaching_the_unreachable_fails_the_run(backend: str) -> None:
    async def main() -> None:
        simclock.unreachable("here be dragons")

    with pytest.raises(simclock.PromiseBrokenError, match="unreachable: here be dragons"):
        simclock.run(main, backend=backend)


def test_a_sometimes_that_no_run_sees_fails_the_exploration(backend: str) -> None:
    async def main() -> None:
        await checkpoint()
        simclock.sometimes(False, "the cache is hit")

    with pytest.raises(simclock.UnseenError, match="sometimes: the cache is hit"):
        simclock.explore(main, backend=backend, schedules=20)


def test_a_sometimes_that_one_run_sees_is_enough(backend: str) -> None:
    runs = 0

    async def main() -> None:
        nonlocal runs
        runs += 1
        simclock.sometimes(runs == 7, "the seventh")

    simclock.explore(main, backend=backend, schedules=20, scheduler="fifo")


def test_a_reachable_that_no_run_reaches_fails_the_exploration(backend: str) -> None:
    async def main() -> None:
        await checkpoint()
        if simclock.current().now > 1:
            simclock.reachable("the cold path")

    with pytest.raises(simclock.UnseenError, match="reachable: the cold path"):
        simclock.explore(main, backend=backend, schedules=20)


def test_a_reachable_that_one_run_reaches_is_enough(backend: str) -> None:
    async def main() -> None:
        if simclock.current().random("dice").random() < 0.2:
            simclock.reachable("the cold path")

    simclock.explore(main, backend=backend, schedules=50)


def test_eventually_holds_if_the_predicate_does_within_the_time(backend: str) -> None:
    async def main() -> None:
        done = False
        simclock.eventually(lambda: done, within=2)
        await anyio.sleep(1)
        done = True
        await anyio.sleep(5)

    simclock.run(main, backend=backend)


def test_eventually_fails_if_the_predicate_comes_too_late(backend: str) -> None:
    async def main() -> None:
        done = False
        simclock.eventually(lambda: done, within=2)
        await anyio.sleep(3)
        done = True
        await anyio.sleep(5)

    with pytest.raises(simclock.PromiseBrokenError, match=r"did not hold by t=2s"):
        simclock.run(main, backend=backend)


def test_eventually_fails_if_main_ends_before_it_came_true(backend: str) -> None:
    async def main() -> None:
        simclock.eventually(lambda: False, within=2)
        await checkpoint()

    with pytest.raises(simclock.PromiseBrokenError, match="before main ended"):
        simclock.run(main, backend=backend)


@pytest.mark.parametrize(
    ("predicate", "within"), [(True, 1), (lambda: True, -1), (lambda: True, float("inf"))]
)
def test_an_eventually_that_cannot_be_is_refused(predicate, within) -> None:
    with pytest.raises(simclock.UsageError):
        simclock.eventually(predicate, within=within)
