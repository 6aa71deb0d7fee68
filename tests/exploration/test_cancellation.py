"""A cancellation at every step finds what a timeout would break, and accuses nothing else."""

from __future__ import annotations

import asyncio
import contextlib

import anyio
import anyio.from_thread
import anyio.to_thread
import programs
import pytest
from anyio.lowlevel import checkpoint

import simclock


def test_a_permit_lost_to_a_timeout_is_found(backend: str) -> None:
    simclock.explore(programs.permit_lost_to_cancellation, backend=backend, schedules=200)

    with pytest.raises(AssertionError, match="the permit is gone"):
        simclock.explore(
            programs.permit_lost_to_cancellation, backend=backend, schedules=200, cancel=True
        )


def test_main_ending_by_the_injected_cancellation_is_no_failure(backend: str) -> None:
    done = simclock.explore(programs.permit_kept, backend=backend, schedules=200, cancel=True)

    assert done.failure is None


def test_the_report_names_the_place_where_it_landed(backend: str) -> None:
    done = simclock.explore(
        programs.permit_lost_to_cancellation, backend=backend, cancel=True, on_failure="return"
    )

    assert "a cancellation hits `permit_lost_to_cancellation` at" in done.failure.report()
    assert "programs.py:" in done.failure.report()


def test_other_tasks_are_cancelled_in_turn(backend: str) -> None:
    assert not simclock.explore(
        programs.worker_dies_quietly, backend=backend, schedules=100, cancel=True
    ).failure

    with pytest.raises(AssertionError, match="nobody works on it"):
        simclock.explore(
            programs.worker_dies_quietly, backend=backend, schedules=100, cancel="tasks"
        )


@pytest.mark.parametrize("steps", [1, 2, 5, 9])
def test_the_sweep_hits_main_before_each_of_its_steps_but_the_first(
    steps: int, backend: str
) -> None:
    hit: set[int] = set()

    async def main() -> None:
        for step in range(steps):
            try:
                await checkpoint()
            except BaseException:
                hit.add(step)
                raise

    simclock.explore(main, backend=backend, schedules=4 * steps + 10, cancel=True)

    assert hit == set(range(steps))


def test_a_task_is_also_cancelled_when_it_has_been_woken_and_has_not_run_yet() -> None:
    """The window in which asyncio's own Condition lost a notification until Python 3.12."""
    woken_then_cancelled = False

    async def main() -> None:
        nonlocal woken_then_cancelled
        future = asyncio.get_running_loop().create_future()
        wake = lambda: future.done() or future.set_result(None)  # noqa: E731
        asyncio.get_running_loop().call_soon(wake)
        try:
            await future
        except asyncio.CancelledError:
            woken_then_cancelled = woken_then_cancelled or (
                future.done() and not future.cancelled()
            )
            raise

    simclock.explore(main, schedules=30, cancel=True)

    assert woken_then_cancelled


def test_plain_asyncio_is_cancelled_as_asyncio_timeout_would() -> None:
    requests: list[int] = []

    async def main() -> None:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            requests.append(task.cancelling())
            raise

    simclock.explore(main, schedules=20, cancel=True)

    assert set(requests) == {1}


def test_an_anyio_program_is_cancelled_as_an_anyio_scope_would(backend: str) -> None:
    """Cancellation by scope stays in force; a native one is over once it was caught."""
    stayed: list[bool] = []

    async def main() -> None:
        with anyio.CancelScope():
            try:
                await anyio.sleep(1)
            except BaseException:
                try:
                    await anyio.sleep(1)
                except BaseException:
                    stayed.append(True)
                    raise
                stayed.append(False)
                raise

    simclock.explore(main, backend=backend, schedules=20, cancel=True)

    assert stayed
    assert all(stayed)


def test_exhaustive_search_also_exhausts_the_places_of_the_cancellation() -> None:
    places: set[int] = set()

    async def main() -> None:
        for place in range(3):
            try:
                await checkpoint()
            except BaseException:
                places.add(place)
                raise

    done = simclock.explore(
        main, backend="trio", scheduler="exhaustive", schedules=100, cancel=True
    )

    assert done.exhausted
    assert places == {0, 1, 2}


async def polls_until_cancelled() -> None:
    """Start a task and leave it to the loop."""

    async def poll() -> None:
        while True:
            await asyncio.sleep(1)

    task = asyncio.create_task(poll())
    await asyncio.sleep(0.5)
    task.cancel()
    await asyncio.wait([task])


async def polls_for_ever() -> None:
    """Start a task that swallows its cancellation."""

    async def poll() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(poll())
    await asyncio.sleep(0.5)
    del task


def test_tasks_of_plain_asyncio_go_with_a_cancelled_main() -> None:
    done = simclock.explore(polls_until_cancelled, schedules=60, cancel=True)

    assert done.failure is None


def test_tasks_that_stay_in_spite_of_it_are_accused() -> None:
    with pytest.raises(simclock.DeadlockError, match="poll"):
        simclock.explore(polls_for_ever, schedules=60, cancel=True)


def test_who_awaits_a_cancelled_task_is_not_accused_of_being_cancelled_as_well() -> None:
    async def main() -> None:
        tasks = [asyncio.create_task(asyncio.sleep(1)) for _ in range(3)]
        await asyncio.gather(*tasks)

    done = simclock.explore(main, schedules=200, cancel="tasks", on_failure="return")

    assert done.failure is None


def test_what_a_task_cancelled_in_turn_leaves_behind_is_judged() -> None:
    async def main() -> None:
        permits = asyncio.Semaphore(1)

        async def worker() -> None:
            await permits.acquire()
            await asyncio.sleep(1)
            permits.release()

        await asyncio.gather(worker(), worker(), return_exceptions=True)

    with pytest.raises(simclock.DeadlockError):
        simclock.explore(main, schedules=200, cancel="tasks")


def test_what_a_thread_runs_in_the_loop_is_cancelled_only_as_its_scope_can_be(backend: str) -> None:
    async def main() -> None:
        def work() -> None:
            anyio.from_thread.run(anyio.sleep, 1)

        await anyio.to_thread.run_sync(work)

    for cancel in (True, "tasks"):
        simclock.explore(main, backend=backend, schedules=60, cancel=cancel)


def test_a_task_without_a_line_of_the_users_stands_in_the_library_not_in_simclock(
    backend: str,
) -> None:
    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 1)
            await anyio.sleep(2)
            raise RuntimeError("after the sleep")

    placed = simclock.explore(
        main, backend=backend, schedules=60, cancel="tasks", on_failure="return"
    )

    assert "driver.py" not in placed.failure.report()


def test_a_task_cancelled_before_its_first_step_is_said_to_be_hit_at_its_start(
    backend: str,
) -> None:
    async def main() -> None:
        begun = False

        async def child() -> None:
            nonlocal begun
            await checkpoint()
            begun = True

        async with anyio.create_task_group() as group:
            group.start_soon(child)
        assert begun

    done = simclock.explore(main, backend=backend, cancel="tasks", on_failure="return")

    assert "a cancellation hits `child` at its start" in done.failure.report()
