"""Exploring finds what is broken, tells it, and leaves what is sound alone."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import random
import secrets
import signal
import threading
import time
import uuid

import anyio
import programs
import pytest
from anyio.lowlevel import checkpoint

import simclock
from simclock.exploration import runs

SCHEDULE_BUGS = {
    programs.lost_update: AssertionError,
    programs.lock_order: simclock.DeadlockError,
    programs.slow_answer: TimeoutError,
    programs.faulty_one_time_in_ten: AssertionError,
}


@pytest.mark.parametrize("program", SCHEDULE_BUGS, ids=lambda p: p.__name__)
def test_a_planted_bug_is_found_and_raised_as_itself(program, backend: str) -> None:
    with pytest.raises(SCHEDULE_BUGS[program]) as caught:
        simclock.explore(program, backend=backend, schedules=500)

    (note,) = caught.value.__notes__
    assert "replay: simclock.replay(" in note


@pytest.mark.parametrize("program", SCHEDULE_BUGS, ids=lambda p: p.__name__)
def test_the_stock_order_does_not_show_it(program, backend: str) -> None:
    simclock.run(program, backend=backend, seed=1)


def test_a_sound_program_passes_and_the_exploration_says_how_much_it_saw(backend: str) -> None:
    done = simclock.explore(programs.no_lost_update, backend=backend, schedules=200)

    assert done.failure is None
    assert done.schedules_run == 200
    assert 5 < done.distinct <= 200
    assert done.rate > 0
    assert not done.exhausted


def test_the_same_arguments_find_the_same_failure(backend: str) -> None:
    found = [
        simclock.explore(programs.lost_update, backend=backend, seed=5, on_failure="return").failure
        for _ in range(2)
    ]

    assert found[0].schedule == found[1].schedule
    assert found[0].number == found[1].number
    assert found[0].trace.events == found[1].trace.events


@pytest.mark.parametrize("workers", [2, 3])
def test_the_failure_is_the_same_however_many_processes_search(workers: int, backend: str) -> None:
    alone = simclock.explore(programs.lock_order, backend=backend, seed=3, on_failure="return")
    together = simclock.explore(
        programs.lock_order, backend=backend, seed=3, workers=workers, on_failure="return"
    )

    assert together.failure.schedule == alone.failure.schedule
    assert together.failure.number == alone.failure.number


def test_processes_pass_on_what_ends_an_exploration(backend: str) -> None:
    async def entropic() -> None:
        for _ in range(random.Random().randrange(1, 256)):
            await checkpoint()

    async def interrupted() -> None:
        await checkpoint()
        raise KeyboardInterrupt

    with pytest.raises(simclock.NondeterminismError):
        simclock.explore(entropic, backend=backend, schedules=100, workers=2)
    with pytest.raises(KeyboardInterrupt):
        simclock.explore(interrupted, backend=backend, schedules=100, workers=2)


def test_who_interrupts_several_processes_leaves_none_behind() -> None:
    async def main() -> None:
        await anyio.sleep(1)

    interrupt = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        simclock.explore(main, schedules=10_000_000, workers=2)

    assert "interrupted while 2 processes explored" in caught.value.__notes__[0]
    assert not multiprocessing.active_children()


def test_several_processes_share_a_search_without_failure(backend: str) -> None:
    done = simclock.explore(programs.no_lost_update, backend=backend, schedules=100, workers=2)

    assert done.schedules_run == 100


def test_a_program_is_held_to_its_promise_on_both_backends() -> None:
    done = simclock.explore(programs.no_lost_update, backend=("asyncio", "trio"), schedules=50)

    assert done.schedules_run == 100


@pytest.mark.parametrize("scheduler", ["random", "pct:3", "pos", "urw", "delays:2", "exhaustive"])
def test_each_scheduler_finds_a_lost_update(scheduler: str, backend: str) -> None:
    done = simclock.explore(
        programs.lost_update,
        backend=backend,
        scheduler=scheduler,
        schedules=3_000,
        on_failure="return",
    )

    assert isinstance(done.failure.exception, AssertionError)


async def two_tasks_of_two_steps() -> None:
    async def task() -> None:
        await checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(task)
        group.start_soon(task)


def test_an_exhausted_space_is_reported_with_its_size() -> None:
    done = simclock.explore(
        two_tasks_of_two_steps, backend="trio", scheduler="exhaustive", schedules=10_000
    )

    # Two lanes of two steps each can be interleaved in 4! / (2! 2!) ways.
    assert done.exhausted
    assert done.schedules_run == done.distinct == 6


def test_a_space_larger_than_the_budget_is_not_called_exhausted() -> None:
    done = simclock.explore(
        two_tasks_of_two_steps, backend="trio", scheduler="exhaustive", schedules=5
    )

    assert not done.exhausted


def test_under_arrivals_tasks_keep_the_order_of_the_stock_loop(backend: str) -> None:
    done = simclock.explore(
        programs.lost_update, backend=backend, reorder="arrivals", schedules=300
    )

    assert done.failure is None


def test_under_arrivals_a_slow_machine_is_still_explored(backend: str) -> None:
    done = simclock.explore(
        programs.slow_answer, backend=backend, reorder="arrivals", on_failure="return"
    )

    assert isinstance(done.failure.exception, TimeoutError)


def test_the_report_says_whether_the_order_of_tasks_was_needed(backend: str) -> None:
    needed = simclock.explore(programs.lost_update, backend=backend, on_failure="return")
    not_needed = simclock.explore(programs.slow_answer, backend=backend, on_failure="return")

    assert "It needs tasks out of the stock loop's order" in needed.failure.report()
    assert "this can happen on it as it is" in not_needed.failure.report()


def test_a_program_that_something_outside_decides_is_caught_by_running_schedules_twice() -> None:
    async def main() -> None:
        for _ in range(random.Random().randrange(16)):
            await checkpoint()

    with pytest.raises(simclock.NondeterminismError, match="the same schedule took two courses"):
        simclock.explore(main, schedules=1_000)


def test_two_courses_are_told_side_by_side_with_the_usual_suspects() -> None:
    class Subscriber:
        """Hashes by its address, as classes do."""

    async def main() -> None:
        kept = [Subscriber() for _ in range(12)]
        order = sorted(range(12), key=lambda i: hash(kept[i]) ^ random.Random().getrandbits(32))
        async with anyio.create_task_group() as group:
            for i in order:
                group.start_soon(anyio.sleep, i, name=f"s{i}")

    with pytest.raises(
        simclock.NondeterminismError,
        match=r"the first run has (taken|moved|ended).*, the second has (taken|moved|ended)",
    ) as caught:
        simclock.explore(main, schedules=64)

    assert "a set whose members hash by their address" in caught.value.__notes__[0]


def test_a_failure_that_does_not_come_again_is_told_with_what_it_was(backend: str) -> None:
    tries = []

    async def main() -> None:
        tries.append(None)
        if len(tries) == 2:  # the first that counts: before it the world is warmed up
            raise ValueError("once only")
        await checkpoint()

    with pytest.raises(simclock.NondeterminismError) as caught:
        simclock.explore(main, backend=backend, schedules=50)

    assert isinstance(caught.value.__cause__, ValueError)


def test_a_livelock_of_the_calm_schedule_is_waited_for_once(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, most = 0, simclock.Limits(steps=60_000)
    monkeypatch.setattr(runs, "DEFAULT_LIMITS", most)

    async def main() -> None:
        nonlocal steps
        while True:
            steps += 1
            await checkpoint()

    with pytest.raises(simclock.LivelockError, match="main"):
        simclock.explore(main, backend=backend, limits=most)

    # Waited for in each of the runs that confirm and shrink it, it would be 240,000 or more.
    assert steps < 160_000


def test_what_was_borrowed_is_given_back(backend: str) -> None:
    random.seed(7)
    expected = random.Random(7).random()
    clock, enabled = vars(time)["monotonic"], gc.isenabled()

    simclock.explore(programs.faulty_one_time_in_ten, backend=backend, on_failure="return")

    assert random.random() == expected
    assert vars(time)["monotonic"] is clock
    assert gc.isenabled() == enabled


def test_explorations_in_two_threads_take_turns_and_give_back_what_they_borrowed() -> None:
    clock, draw = time.sleep, random.getstate()
    found: list[object] = []

    def search() -> None:
        done = simclock.explore(programs.lost_update, seed=5, on_failure="return")
        found.append((done.schedules_run, done.failure.schedule))

    searching = [threading.Thread(target=search) for _ in range(3)]
    for thread in searching:
        thread.start()
    for thread in searching:
        thread.join()

    assert len(found) == 3
    assert len(set(found)) == 1
    assert time.sleep is clock
    assert random.getstate() == draw
    assert gc.isenabled()
    assert not gc.get_freeze_count()


def test_progress_is_told_while_it_goes(backend: str) -> None:
    seen: list[simclock.Progress] = []

    simclock.explore(programs.no_lost_update, backend=backend, schedules=20, progress=seen.append)

    assert [each.schedules_run for each in seen] == list(range(1, 21))


def test_who_interrupts_gets_out_at_once_and_learns_the_schedule(backend: str) -> None:
    runs = 0

    async def main() -> None:
        nonlocal runs
        runs += 1
        await anyio.sleep(1)
        if runs == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        simclock.explore(main, backend=backend)

    # One more run at most, to learn how it came there.
    assert runs <= 4
    (note,) = caught.value.__notes__
    assert "simclock: interrupted after 1 schedules, in one of" in note
    assert "`main` was running (t=1s)" in note
    assert "replay: " in note


def test_a_program_that_exits_is_a_failure_like_any_other(backend: str) -> None:
    async def main() -> None:
        await anyio.sleep(1)
        raise SystemExit(3)

    with pytest.raises(SystemExit) as caught:
        simclock.explore(main, backend=backend)

    assert caught.value.code == 3
    assert "replay: " in caught.value.__notes__[0]


def test_a_task_that_exits_while_main_waits_for_it_is_one_as_well() -> None:
    async def worker() -> None:
        await asyncio.sleep(1)
        raise SystemExit(3)

    async def main() -> None:
        await asyncio.gather(worker(), asyncio.sleep(5))

    with pytest.raises(SystemExit) as caught:
        simclock.explore(main)

    assert "replay: " in caught.value.__notes__[0]


def test_a_program_may_sleep_for_a_thousand_years(backend: str) -> None:
    async def main() -> float:
        await anyio.sleep(1_000 * 365 * 86_400.0)
        return anyio.current_time()

    simclock.explore(main, backend=backend, schedules=5)

    assert simclock.run(main, backend=backend) == 1_000 * 365 * 86_400.0


def test_entropy_comes_from_the_seed_and_only_within_a_run(backend: str) -> None:
    async def main() -> tuple[bytes, uuid.UUID, str]:
        await checkpoint()
        return os.urandom(8), uuid.uuid4(), secrets.token_hex()  # noqa: TID251 - seeded in here

    before = os.urandom
    first, again, other = (simclock.run(main, backend=backend, seed=seed) for seed in (1, 1, 2))

    assert first == again != other
    assert os.urandom is before
