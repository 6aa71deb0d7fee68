"""Who steps next on trio: a decision at every step, in order of waiting unless somebody decides."""

from __future__ import annotations

import random

import pytest
import trio
import trio.testing

from simclock.kernel import MAIN
from simclock.schedules import Deviation, Kind


def record_of(run, main, **world):
    outcome = run(main, **world)
    assert outcome.failure is None, outcome.failure
    return outcome.simulation.trace.order


def test_calm_tasks_run_in_order_of_spawning_round_by_round(value):
    steps = []

    async def worker(name):
        for _ in range(3):
            steps.append(name)
            await trio.lowlevel.checkpoint()

    async def main():
        async with trio.open_nursery() as nursery:
            for name in "abc":
                nursery.start_soon(worker, name)

    value(main)
    assert "".join(steps) == "abcabcabc"


def test_main_is_the_first_lane_and_takes_the_first_step(run):
    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.lowlevel.checkpoint, name="pkg.worker")

    outcome = run(main)

    assert [lane.name for lane in outcome.simulation.lanes] == ["callbacks", "main", "worker"]
    assert outcome.simulation.trace.order == [MAIN, 2, 2, MAIN]
    assert outcome.simulation.taken == 4


def test_lanes_know_who_spawned_them(run):
    async def grandchild():
        await trio.lowlevel.checkpoint()

    async def child(nursery):
        nursery.start_soon(grandchild)

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, nursery)
            nursery.start_soon(child, nursery)

    outcome = run(main)

    assert [(lane.name, lane.key) for lane in outcome.simulation.lanes] == [
        ("callbacks", ()),
        ("main", (0,)),
        ("child", (0, 0)),
        ("child", (0, 1)),
        ("grandchild", (0, 0, 0)),
        ("grandchild", (0, 1, 0)),
    ]


async def racers():
    order = []

    async def worker(name):
        for _ in range(3):
            await trio.lowlevel.checkpoint()
            order.append(name)

    async with trio.open_nursery() as nursery:
        for name in range(4):
            nursery.start_soon(worker, name)
    return tuple(order)


def test_one_seed_gives_one_order_and_other_seeds_give_others(run):
    seen = {}
    for seed in range(30):
        first, again = run(racers, seed=seed), run(racers, seed=seed)
        assert first.value == again.value
        assert first.simulation.trace.order == again.simulation.trace.order
        seen[first.value] = seed

    # 12!/(3!)**4 = 369,600 orders: two equal ones among thirty would be a wonder.
    assert len(seen) == 30


def test_each_single_step_is_chosen_not_each_round(run):
    # Were only rounds permuted, nobody could ever be two steps ahead of anybody else.
    assert any(
        outcome.value[:3] == (0, 0, 0) for outcome in (run(racers, seed=s) for s in range(300))
    )


def test_schedulers_choose_among_the_ready_lanes_oldest_first(run):
    offered = []

    class Newest:
        name = "newest"

        def begin(self, random, profile):
            """Nothing to prepare."""

        def pick(self, runnable):
            assert len(runnable) > 1
            assert [lane.seq for lane in runnable] == sorted(lane.seq for lane in runnable)
            offered.append([lane.id for lane in runnable])
            return len(runnable) - 1

        def pick_timer(self, count):
            return 0

    outcome = run(racers, scheduler=Newest())

    assert outcome.value == (3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0)
    assert offered[0] == [2, 3, 4, 5]


def test_nobody_starves_whatever_the_scheduler_prefers(run):
    class Newest:
        name = "newest"

        def begin(self, random, profile):
            """Nothing to prepare."""

        def pick(self, runnable):
            return len(runnable) - 1

        def pick_timer(self, count):
            return 0

    async def main():
        stop = False

        async def spin():
            while not stop:
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:

            async def stopper():
                nonlocal stop
                stop = True

            nursery.start_soon(stopper)
            nursery.start_soon(spin)
            nursery.start_soon(spin)

    outcome = run(main, scheduler=Newest())

    assert outcome.failure is None
    assert outcome.simulation.step < 300


def test_an_error_of_the_scheduler_is_the_verdict_and_the_program_unwinds(run):
    cleaned = []

    class Diverged:
        name = "diverged"

        def begin(self, random, profile):
            """Nothing to prepare."""

        def pick(self, runnable):
            raise LookupError("no such lane")

        def pick_timer(self, count):
            return 0

    async def main():
        try:
            await racers()
        finally:
            cleaned.append(True)

    outcome = run(main, scheduler=Diverged())

    assert isinstance(outcome.failure, LookupError)
    assert cleaned == [True]


def test_events_wake_their_waiters_in_order_of_waiting(value):
    woken = []

    async def main():
        event = trio.Event()

        async def waiter(name):
            await event.wait()
            woken.append(name)

        async with trio.open_nursery() as nursery:
            for name in range(50):
                nursery.start_soon(waiter, name)
            await trio.testing.wait_all_tasks_blocked()
            event.set()

    value(main)
    assert woken == list(range(50))


def test_a_nursery_cancels_its_children_in_order_of_spawning(value):
    cancelled = []

    async def main():
        async def child(name):
            try:
                with trio.CancelScope():
                    await trio.sleep_forever()
            finally:
                cancelled.append(name)

        async with trio.open_nursery() as nursery:
            for name in range(50):
                nursery.start_soon(child, name)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    value(main)
    assert sorted(cancelled) == list(range(50))


def test_sequencers_channels_and_locks_work_under_every_order(run):
    async def main():
        sequencer = trio.testing.Sequencer()
        record = []
        send, receive = trio.open_memory_channel[int](2)
        lock = trio.Lock()

        async def odd():
            for number in (1, 3):
                async with sequencer(number):
                    record.append(number)

        async def even():
            for number in (0, 2):
                async with sequencer(number):
                    record.append(number)

        async def produce(channel):
            async with channel:
                for number in range(10):
                    async with lock:
                        await channel.send(number)

        received = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(odd)
            nursery.start_soon(even)
            for _ in range(3):
                nursery.start_soon(produce, send.clone())
            send.close()
            async for number in receive:
                received.append(number)
        return record, sorted(received)

    for seed in (None, *range(20)):
        assert run(main, seed=seed).value == (
            [0, 1, 2, 3],
            sorted(3 * list(range(10))),
        )


def test_a_cancellation_is_planned_like_any_other_decision(run):
    async def main():
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        return "whole"

    assert run(main).value == "whole"
    for step in range(1, 11):
        outcome = run(
            main, injected=(Deviation(step, Kind.CANCEL, MAIN),), scoped=frozenset({MAIN})
        )
        assert outcome.cancelled, step
        assert outcome.failure is None
        assert outcome.value is None
        assert outcome.simulation.taken <= step + 2


def test_observed_runs_tell_where_each_step_ended(run):
    outcome = run(racers, seed=3, observing=True)
    plain = run(racers, seed=3)

    assert outcome.value == plain.value
    steps = [event for event in outcome.simulation.trace.events if event.kind == "step"]
    assert [event.lane for event in steps] == plain.simulation.trace.order
    assert [event.step for event in steps] == list(range(1, len(steps) + 1))
    assert [event.name for event in steps if event.note == "ends"].count("worker") == 4
    assert steps[-1].name == "racers"
    assert "test_order.py" in steps[1].place


@pytest.mark.parametrize("seed", [None, 1])
def test_instruments_see_a_simulated_run_as_any_other(new_simulation, seed):
    from simclock.on_trio import SimulatedClock

    class Watch(trio.abc.Instrument):
        def __init__(self):
            self.seen = []

        def before_task_step(self, task):
            self.seen.append(task.name.rpartition(".")[2])

        def before_io_wait(self, timeout):
            self.seen.append("io")

    watch = Watch()
    clock = SimulatedClock(new_simulation(seed=seed))
    trio.run(racers, clock=clock, instruments=[watch])

    assert watch.seen.count("worker") == 16
    assert watch.seen.count("io") >= 4


def test_the_shuffle_of_trio_itself_decides_nothing(run):
    from trio._core import _run

    _run._r = random.Random(1)
    first = run(racers).value
    _run._r = random.Random(2)

    assert run(racers).value == first


def test_watching_a_run_does_not_change_when_polling_lets_time_pass(run):
    async def main():
        with trio.move_on_after(1):
            await trio.sleep_forever()
        while trio.current_time() < 3:
            with trio.move_on_after(1):
                await trio.lowlevel.checkpoint()

    async def program():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(main)
            nursery.start_soon(trio.sleep, 2)
            nursery.start_soon(trio.sleep, 4)

    plain, observed = run(program), run(program, observing=True)

    assert plain.failure is None
    assert plain.simulation.trace.order == observed.simulation.trace.order
