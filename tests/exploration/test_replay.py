"""A schedule replays: the same trace, in any process, or a sentence that says what changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anyio
import programs
import pytest
from anyio.lowlevel import checkpoint

import simclock
from simclock.schedules import encode

HERE = Path(__file__).parent

REPLAY_ELSEWHERE = """
import sys
sys.path.insert(0, {here!r})
import programs, simclock
from simclock.exploration.recording import replay
from simclock.exploration.runs import Runner
from simclock.exploration.world import World
from simclock.schedules import decode

garbage = [object() for _ in range({garbage})]
for _ in range({before}):
    simclock.explore(programs.no_lost_update, backend={backend!r}, schedules=20)
schedule = decode({text!r})
with Runner(getattr(programs, {name!r}), (), World(schedule.backend, schedule.seed)) as runner:
    again = replay(runner, schedule, strict=True, observing=True)
print(type(again.outcome.failure).__name__)
for event in again.outcome.simulation.trace.events:
    print(event)
"""


def fail(program, backend: str) -> simclock.Failure:
    cancel = program is programs.permit_lost_to_cancellation
    failure = simclock.explore(program, backend=backend, cancel=cancel, on_failure="return").failure
    assert failure is not None
    return failure


@pytest.mark.parametrize(
    "program",
    [
        programs.lost_update,
        programs.lock_order,
        programs.slow_answer,
        programs.faulty_one_time_in_ten,
    ],
    ids=lambda p: p.__name__,
)
def test_a_replay_raises_what_was_found(program, backend: str) -> None:
    failure = fail(program, backend)

    with pytest.raises(type(failure.exception)) as caught:
        simclock.replay(program, schedule=encode(failure.schedule))

    assert "simclock: replayed on" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    "program", [programs.lock_order, programs.permit_lost_to_cancellation], ids=lambda p: p.__name__
)
def test_a_replay_is_the_same_event_for_event_in_other_processes(program, backend: str) -> None:
    failure = fail(program, backend)
    expected = [type(failure.exception).__name__, *map(str, failure.trace.events)]
    for hash_seed, garbage, before in (("0", 10, 0), ("1", 5_000, 1), ("4242", 77, 2)):
        code = REPLAY_ELSEWHERE.format(
            here=str(HERE),
            garbage=garbage,
            before=before,
            backend=backend,
            text=encode(failure.schedule),
            name=program.__name__,
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )

        assert done.stdout.splitlines() == expected


def test_a_schedule_that_no_longer_fits_says_at_which_step(backend: str) -> None:
    failure = fail(programs.lock_order, backend)
    schedule = failure.schedule.with_deviations((simclock.Deviation(3, simclock.Kind.RUN, 9),))

    with pytest.raises(simclock.ReplayDivergedError, match="step 3: the schedule says lane 9 runs"):
        simclock.replay(programs.lock_order, schedule=schedule)


def test_a_cancellation_with_nothing_to_hit_is_a_divergence(backend: str) -> None:
    schedule = simclock.Schedule(backend, 0, (simclock.Deviation(500, simclock.Kind.CANCEL, 1),))

    with pytest.raises(simclock.ReplayDivergedError, match="step 500"):
        simclock.replay(programs.no_lost_update, schedule=schedule)


def test_a_mended_program_passes_its_old_schedule_or_is_told_to_have_changed(backend: str) -> None:
    failure = fail(programs.lost_update, backend)

    async def mended() -> str:
        await checkpoint()
        return "fine"

    schedule = failure.schedule.with_deviations(())
    assert simclock.replay(mended, schedule=schedule) == "fine"
    with pytest.raises(simclock.ReplayDivergedError) as caught:
        simclock.replay(
            mended,
            schedule=schedule.with_deviations((simclock.Deviation(2, simclock.Kind.RUN, 2),)),
        )
    assert "Explore again" in "".join(caught.value.__notes__)


def test_a_schedule_of_the_other_backend_is_refused() -> None:
    failure = fail(programs.lost_update, "trio")

    with pytest.raises(simclock.ScheduleTextError, match="recorded on trio"):
        simclock.replay(programs.lost_update, schedule=str(failure.schedule), backend="asyncio")


def test_the_shrunk_schedule_fails_with_the_same_type_at_the_same_place(backend: str) -> None:
    async def two_bugs() -> None:
        """Out of order it fails in one of two ways; shrinking must not slip to the other."""
        order: list[str] = []

        async def note(name: str, pause: int) -> None:
            for _ in range(pause):
                await checkpoint()
            order.append(name)

        async with anyio.create_task_group() as group:
            for pause, name in enumerate("abc"):
                group.start_soon(note, name, pause)
        assert order[0] == "a", "the first place"
        assert order == ["a", "b", "c"], "another place"

    for seed in range(6):
        done = simclock.explore(two_bugs, backend=backend, seed=seed, on_failure="return")
        found = done.failure
        assert found is not None
        with pytest.raises(AssertionError) as caught:
            simclock.replay(two_bugs, schedule=found.schedule)

        assert str(caught.value).splitlines()[0] == str(found.exception).splitlines()[0]


def test_starving_one_task_shrinks_to_a_single_hold(backend: str) -> None:
    async def main() -> None:
        """Fails only if ``late`` is kept from running until ``busy`` is through."""
        done: list[str] = []

        async def busy() -> None:
            for _ in range(20):
                await checkpoint()
            done.append("busy")

        async def late() -> None:
            await checkpoint()
            done.append("late")

        async with anyio.create_task_group() as group:
            group.start_soon(late, name="late")
            group.start_soon(busy, name="busy")
        assert done == ["late", "busy"]

    failure = simclock.explore(main, backend=backend, on_failure="return").failure

    assert failure is not None
    assert [d.kind for d in failure.schedule.deviations] == [simclock.Kind.HOLD]
    assert "`late` is held for" in failure.report()
