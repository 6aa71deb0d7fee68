"""Time on trio: exact, virtual, and only when nothing can run."""

from __future__ import annotations

import math
import threading

import pytest
import trio
import trio.testing

from simclock.errors import DeadlockError, LivelockError
from simclock.kernel import Limits
from simclock.schedules import Deviation, Kind


def test_a_sleep_takes_exactly_its_time(value):
    async def main():
        await trio.sleep(1.25)
        return trio.current_time()

    assert value(main) == 1.25


def test_timers_a_billion_seconds_away_fire_at_their_own_float(value):
    async def main():
        for seconds in (0.1, 1e9, 0.3, 1e9 + 0.7):
            deadline = trio.current_time() + seconds
            await trio.sleep_until(deadline)
            assert trio.current_time() >= deadline
        return trio.current_time()

    assert value(main) == pytest.approx(2e9 + 1.1)


def test_timers_one_nanosecond_apart_fire_in_order_of_time_not_of_age(value):
    fired = []

    async def at(deadline):
        await trio.sleep_until(deadline)
        fired.append((deadline, trio.current_time()))

    async def main():
        async with trio.open_nursery() as nursery:
            for deadline in (3e-9, 1e-9, 2e-9):
                nursery.start_soon(at, deadline)

    value(main)
    assert fired == [(1e-9, 1e-9), (2e-9, 2e-9), (3e-9, 3e-9)]


def test_timers_of_one_instant_fire_oldest_first_when_calm(value):
    fired = []

    async def sleeper(name):
        await trio.sleep(1)
        fired.append(name)

    async def main():
        async with trio.open_nursery() as nursery:
            for name in range(20):
                nursery.start_soon(sleeper, name)

    value(main)
    assert fired == list(range(20))


def test_timers_of_one_instant_may_fire_in_another_order_when_somebody_decides(run):
    orders = set()

    async def sleeper(name, fired):
        await trio.sleep(1)
        fired.append(name)

    async def main():
        fired = []
        async with trio.open_nursery() as nursery:
            for name in range(3):
                nursery.start_soon(sleeper, name, fired)
        return tuple(fired)

    for seed in range(60):
        outcome = run(main, seed=seed)
        orders.add(outcome.value)

    assert len(orders) == 6
    assert any(d.kind is Kind.TIE for d in outcome.simulation.applied)


def test_sleeping_for_ever_is_never_over(run):
    async def main():
        with trio.move_on_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep, math.inf)
                nursery.start_soon(trio.sleep_forever)
        return trio.current_time()

    assert run(main).value == 10


@pytest.mark.parametrize("deadline", [0.0, -1.0, -math.inf])
def test_a_deadline_that_has_passed_cancels_at_the_next_checkpoint(value, deadline):
    reached = []

    async def main():
        with trio.CancelScope(deadline=deadline) as scope:
            reached.append("before")
            await trio.lowlevel.checkpoint()
            reached.append("after")
        with trio.CancelScope() as later:
            later.deadline = deadline
            await trio.sleep_forever()
        return scope.cancelled_caught, later.cancelled_caught

    assert value(main) == (True, True)
    assert reached == ["before"]


def test_moving_a_deadline_to_and_fro_fires_it_once_at_its_last_place(value):
    async def main():
        with trio.CancelScope(deadline=5) as scope:
            for deadline in (7, 5, 9, 5, 8, 5, 6):
                scope.deadline = deadline
            await trio.sleep_forever()
        return scope.cancelled_caught, trio.current_time()

    assert value(main) == (True, 6)


def test_a_cancelled_scope_gives_another_of_the_same_instant_more_time(value):
    async def main():
        async with trio.open_nursery() as nursery:
            other = trio.CancelScope(deadline=1)

            def prolong(_):
                other.deadline = 2
                return trio.lowlevel.Abort.SUCCEEDED

            async def first():
                with trio.CancelScope(deadline=1):
                    await trio.lowlevel.wait_task_rescheduled(prolong)

            nursery.start_soon(first)
            await trio.testing.wait_all_tasks_blocked()
            with other:
                await trio.sleep_forever()
        return trio.current_time()

    assert value(main) == 2


def test_thousands_of_deadlines_that_come_to_nothing_do_not_pile_up(run):
    async def main():
        for _ in range(5_000):
            with trio.move_on_after(1_000):
                await trio.lowlevel.checkpoint()

    outcome = run(main)

    assert outcome.failure is None
    assert len(outcome.simulation.timeline) < 300


def test_polling_ends_when_a_timer_ends_it(value):
    async def main():
        done = trio.Event()

        async def finish():
            await trio.sleep(3)
            done.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(finish)
            while not done.is_set():
                await trio.lowlevel.checkpoint()
        return trio.current_time()

    assert value(main) == 3


@pytest.mark.parametrize("seconds", [0.05, 600.0])
def test_polling_the_clock_itself_ends_soon_after_the_time_it_waits_for(value, seconds):
    async def main():
        while trio.current_time() < seconds:
            await trio.lowlevel.checkpoint()
        return trio.current_time()

    assert seconds <= value(main) <= 1.11 * seconds


def test_one_poll_after_another_ends_as_soon_as_it_would_by_itself(value):
    async def poll(seconds):
        until = trio.current_time() + seconds
        while trio.current_time() < until:
            await trio.lowlevel.checkpoint()
        return trio.current_time() - until

    async def main():
        await poll(2_000)
        await trio.sleep(5)
        return await poll(0.01)

    assert value(main) < 0.01


def test_an_idle_thread_does_not_keep_a_poll_of_the_clock_from_ending(value):
    async def main():
        over = threading.Event()
        thread = threading.Thread(target=over.wait)
        thread.start()
        while trio.current_time() < 1:
            await trio.lowlevel.checkpoint()
        over.set()
        return trio.current_time()

    assert 1 <= value(main) <= 1.11


def test_polling_under_a_timeout_of_its_own_lets_time_pass_too(value):
    async def main():
        rounds = 0
        while trio.current_time() < 1:
            with trio.move_on_after(0.5):
                rounds += 1
                await trio.lowlevel.checkpoint()
            if rounds > 200_000:
                return "for ever"
        return "ended"

    async def with_a_timer():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 2)
            return await main()

    assert value(with_a_timer) == "ended"


def test_a_stall_lets_time_pass_although_a_task_can_run(run):
    async def main():
        with trio.move_on_after(1) as scope:
            for _ in range(10):
                await trio.lowlevel.checkpoint()
        return scope.cancelled_caught, trio.current_time()

    calm = run(main)
    stalled = run(main, injected=(Deviation(5, Kind.STALL),))

    assert calm.value == (False, 0)
    assert stalled.value == (True, 1)
    assert [d.kind for d in stalled.simulation.applied] == [Kind.STALL]


def test_the_limit_on_virtual_time_ends_a_run_that_ticks_for_ever(run):
    async def main():
        while True:
            await trio.sleep(60)

    outcome = run(main, limits=Limits(virtual_time=3600))

    assert isinstance(outcome.failure, LivelockError)
    assert "3600 virtual seconds" in str(outcome.failure)


def test_the_simulation_itself_can_let_time_pass(run):
    async def main():
        from simclock.simulation.current import current

        with trio.move_on_after(1) as scope:
            current().stall(5)
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
        return scope.cancelled_caught, trio.current_time()

    assert run(main).value == (True, 5)


def test_waiting_for_all_tasks_to_be_blocked_takes_no_time(value):
    record = []

    async def main():
        async def busy():
            for _ in range(7):
                await trio.lowlevel.checkpoint()
            record.append("idle")
            await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(busy)
            await trio.testing.wait_all_tasks_blocked()
            record.append("blocked")
            return trio.current_time()

    assert value(main) == 0
    assert record == ["idle", "blocked"]


def test_a_cushion_is_virtual_time_in_which_nobody_ran(value):
    record = []

    async def wait(name, cushion):
        await trio.testing.wait_all_tasks_blocked(cushion)
        record.append((name, trio.current_time()))

    async def blink():
        for _ in range(3):
            await trio.sleep(10)
        record.append(("blink", trio.current_time()))

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(blink)
            nursery.start_soon(wait, "big", 30)
            nursery.start_soon(wait, "small", 20)
            nursery.start_soon(wait, "none", 0)
            nursery.start_soon(wait, "small too", 20)

    value(main)
    assert record == [
        ("none", 0),
        ("blink", 30),
        ("small", 50),
        ("small too", 50),
        ("big", 80),
    ]


def test_a_deadlock_is_still_one_while_time_has_passed(run):
    async def main():
        await trio.sleep(4.5)
        await trio.Event().wait()

    outcome = run(main)

    assert isinstance(outcome.failure, DeadlockError)
    assert "t=4.5s" in str(outcome.failure)
