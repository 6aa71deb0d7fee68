"""One choice sequence: Hypothesis draws data and schedule, shrinks both, and replays both."""

from __future__ import annotations

import functools
import re

import anyio
import hypothesis
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import HealthCheck, Phase, assume, example, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.errors import Unsatisfiable

import properties
import simclock
from properties import DrawnSchedule, Wish, schedules, simulate, simulated
from simclock import DeadlockError, Kind

# Without the explain phase, which is Hypothesis's own affair and costs as much as the rest.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
PLAIN = settings(deadline=None, database=None, derandomize=True, phases=PHASES)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


async def sell(delays):
    """A planted bug: looks, waits, and takes. In the calm order each buyer is done in turn."""
    left = 1

    async def buyer(place, delay):
        nonlocal left
        for _ in range(place * 3 + delay):
            await checkpoint()
        if left:
            await checkpoint()
            left -= 1

    async with anyio.create_task_group() as tg:
        for place, delay in enumerate(delays):
            tg.start_soon(buyer, place, delay)
    assert left >= 0


DELAYS = st.lists(st.integers(0, 1), max_size=4)


def minimal(test, *arguments, backend, **options):
    """Return what the smallest failing example of ``test`` was called with, and its schedule."""
    seen = []

    @settings(PLAIN, max_examples=1000)
    @hypothesis.given(schedules(backend=backend, **options), st.tuples(*arguments))
    def search(schedule, args):
        seen[:] = [schedule, args]
        simulate(schedule, test, *args)

    with pytest.raises((AssertionError, TimeoutError)):
        search()
    return seen


@functools.cache
def smallest_sale(backend):
    return minimal(sell, DELAYS, backend=backend)


def test_data_and_schedule_shrink_together(backend):
    schedule, (delays,) = smallest_sale(backend)

    assert len(delays) == 2
    assert 1 <= len(schedule.wishes) <= 2


def test_what_fails_in_any_order_shrinks_to_the_calm_schedule(backend):
    async def main(numbers):
        await checkpoint()
        assert sum(numbers) < 10

    schedule, (numbers,) = minimal(main, st.lists(st.integers(0, 20)), backend=backend)

    assert numbers == [10]
    assert schedule == DrawnSchedule(backend)


def test_a_deadline_that_only_a_slow_machine_misses_shrinks_to_one_stall(backend):
    async def main():
        with anyio.fail_after(1):
            for _ in range(20):
                await checkpoint()

    schedule, _ = minimal(main, backend=backend)

    assert [wish.kind for wish in schedule.wishes] == [Kind.STALL]


def test_a_cancellation_that_is_swallowed_is_found(backend):
    async def main():
        try:
            await anyio.sleep(1)
        except BaseException:
            raise AssertionError("no clean-up here") from None

    schedule, _ = minimal(main, backend=backend, cancel=True)

    assert [wish.kind for wish in schedule.wishes] == [Kind.CANCEL]


def test_a_run_that_ends_by_an_injected_cancellation_is_no_failure(backend):
    drawn = DrawnSchedule(backend, wishes=(Wish(Kind.CANCEL, 2),))

    assert simulate(drawn, anyio.sleep, 5) is None


async def stalls_badly(limit, numbers):
    """A planted bug that needs one stall, and three numbers."""
    with anyio.fail_after(limit):
        for _ in numbers:
            await checkpoint()
    assert len(numbers) < 3


def test_the_report_has_the_data_as_hypothesis_shows_it_and_the_schedule_in_words(backend):
    @settings(PLAIN, max_examples=1000)
    @properties.given(limit=st.integers(1, 5), numbers=st.lists(st.integers(0, 9), max_size=5))
    @simulated(backend=backend)
    async def test(limit, numbers):
        try:
            await stalls_badly(limit, numbers)
        except AssertionError:
            assume(False)

    with pytest.raises(TimeoutError) as caught:
        test()
    report = "\n".join(caught.value.__notes__)

    assert "limit=1" in report
    assert "numbers=[0]" in report or "numbers=[0, 0]" in report
    assert f"drawn by Hypothesis on {backend}: 1 deviation in" in report
    assert "schedule: oldest first, except:" in report
    assert "time passes to t=1s, although a task can run" in report
    assert "simclock.replay(main, *args, schedule='s1:" in report


def test_the_text_in_the_report_replays_the_run(backend):
    schedule, (delays,) = smallest_sale(backend)
    with pytest.raises(AssertionError) as caught:
        simulate(schedule, sell, delays)
    text = caught.value.__notes__[-1].rpartition("schedule='")[2].partition("'")[0]

    with pytest.raises(AssertionError):
        simclock.replay(sell, delays, schedule=text)


def test_the_example_database_replays_data_and_schedule(backend):
    runs = []

    # Not derandomized, which would leave the database alone: so many that it is always found.
    @settings(deadline=None, database=InMemoryExampleDatabase(), max_examples=8_000, phases=PHASES)
    @properties.given(st.integers(1, 5), st.lists(st.integers(0, 9), min_size=1, max_size=2))
    @simulated(backend=backend)
    async def test(limit, numbers):
        runs.append((limit, numbers))
        await stalls_badly(limit, numbers)

    with pytest.raises(TimeoutError):
        test()
    smallest = runs[-1]
    runs.clear()
    with pytest.raises(TimeoutError):
        test()

    assert runs[0] == smallest


def test_an_example_runs_with_the_calm_schedule(backend):
    runs = []

    @settings(PLAIN, phases=[Phase.explicit])
    @properties.given(delays=DELAYS)
    @simulated(backend=backend)
    async def test(delays):
        await sell(delays)
        runs.append(delays)

    example(delays=[0, 0])(test)()

    assert runs == [[0, 0]]


def test_a_failure_is_reproduced_from_its_blob():
    @settings(PLAIN, max_examples=1000, print_blob=True)
    @properties.given(st.integers(1, 5), st.lists(st.integers(0, 9), min_size=1, max_size=2))
    @simulated()
    async def test(limit, numbers):
        await stalls_badly(limit, numbers)

    with pytest.raises(TimeoutError) as caught:
        test()
    found = re.search(
        r"@reproduce_failure\('([^']+)', (b'[^']+')\)", "\n".join(caught.value.__notes__)
    )

    with pytest.raises(TimeoutError):
        hypothesis.reproduce_failure(found[1], eval(found[2]))(test)()


def test_assume_and_note_and_target_and_data_work_inside_a_run(backend):
    seen = []

    @settings(PLAIN, max_examples=50)
    @properties.given(st.data())
    @simulated(backend=backend)
    async def test(data):
        number = data.draw(st.integers(0, 100))

        async def child():
            assume(number % 2 == 0)
            hypothesis.note("even")
            hypothesis.target(float(number))

        async with anyio.create_task_group() as tg:
            tg.start_soon(child)
        seen.append(number)

    test()

    assert seen
    assert all(number % 2 == 0 for number in seen)


def test_health_checks_are_made():
    @settings(PLAIN)
    @properties.given(st.integers())
    async def test(number):
        assume(False)

    with pytest.raises((Unsatisfiable, hypothesis.errors.FailedHealthCheck)):
        test()


def test_settings_and_profiles_apply():
    runs = []

    @settings(PLAIN, max_examples=7, suppress_health_check=list(HealthCheck))
    @properties.given(st.integers())
    async def test(number):
        runs.append(number)

    test()

    assert len(runs) == 7


def test_a_test_without_arguments_draws_its_schedule_alone(backend):
    orders = set()

    @settings(PLAIN, max_examples=100)
    @properties.given()
    @simulated(backend=backend)
    async def test():
        done = []

        async def worker(name):
            await checkpoint()
            done.append(name)

        async with anyio.create_task_group() as tg:
            for name in "abc":
                tg.start_soon(worker, name)
        orders.add("".join(done))

    test()

    assert len(orders) >= 4


def test_both_backends_share_the_examples():
    used = set()

    @settings(PLAIN, max_examples=30)
    @properties.given(st.booleans())
    @simulated(backend=("asyncio", "trio"))
    async def test(_flag):
        used.add(simclock.current().backend)

    test()

    assert used == {"asyncio", "trio"}


def test_methods_and_fixtures_keep_their_place(backend):
    class Suite:
        @settings(PLAIN, max_examples=5)
        @properties.given(number=st.integers())
        @simulated(backend=backend)
        async def test(self, fixture, number):
            assert fixture == "fixture"
            assert isinstance(number, int)

    Suite().test(fixture="fixture")


def test_hypothesis_given_itself_works_with_a_parameter_that_draws(backend):
    seen = set()

    @settings(PLAIN, max_examples=20)
    @hypothesis.given(number=st.integers(), data=st.data())
    @simulated(backend=backend)
    async def test(number, data):
        seen.add(simclock.current().seed)

    test()

    assert len(seen) > 1


def test_a_deadlock_is_a_failure(backend):
    async def main():
        lock_a, lock_b = anyio.Lock(), anyio.Lock()

        async def task(first, second):
            async with first:
                await checkpoint()
                async with second:
                    pass

        async with anyio.create_task_group() as tg:
            tg.start_soon(task, lock_a, lock_b)
            await checkpoint()
            await checkpoint()
            await checkpoint()
            tg.start_soon(task, lock_b, lock_a)

    with pytest.raises(DeadlockError):
        settings(PLAIN, max_examples=500)(
            hypothesis.given(schedules(backend=backend))(lambda schedule: simulate(schedule, main))
        )()


def test_a_run_of_thousands_of_decisions_fits_the_buffer(backend):
    steps = []

    @settings(PLAIN, max_examples=10)
    @properties.given(st.integers(1, 3))
    @simulated(backend=backend)
    async def test(_number):
        async def worker():
            for _ in range(400):
                await checkpoint()

        async with anyio.create_task_group() as tg:
            for _ in range(10):
                tg.start_soon(worker)
        steps.append(simclock.current().step)

    test()

    assert min(steps) > 4_000


def test_the_same_example_takes_the_same_course_twice(backend):
    @settings(PLAIN, max_examples=50)
    @hypothesis.given(schedules(backend=backend, cancel="tasks"))
    def test(schedule):
        courses = []

        async def main():
            courses.append(simclock.current().trace.order)
            with anyio.move_on_after(2):
                async with anyio.create_task_group() as tg:
                    for _ in range(3):
                        tg.start_soon(anyio.sleep, 1)

        for _ in range(2):
            simulate(schedule, main)
        assert courses[0] == courses[1]

    test()
