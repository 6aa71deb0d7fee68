"""How a run on trio ends: verdicts, what is left behind, and tearing down what resists."""

from __future__ import annotations

import gc
import signal
import sys
import warnings
import weakref

import pytest
import trio

from simclock.errors import (
    DeadlockError,
    LeakError,
    LivelockError,
    NestedSimulationError,
    NeverAwaitedError,
)
from simclock.kernel import Limits

SHORT = Limits(steps=2_000, wall_time=5)


async def swallow_everything():
    while True:
        try:
            await trio.lowlevel.checkpoint()
        except BaseException:
            continue


async def swallow_and_sleep():
    while True:
        try:
            await trio.sleep(1)
        except BaseException:
            continue


def next_run_works(run):
    async def main():
        await trio.sleep(1)
        return await trio.to_thread.run_sync(lambda: "fine")

    return run(main).value == "fine" and trio.run(trio.lowlevel.checkpoint) is None


def test_a_deadlock_tells_who_waits_for_what_since_when_and_where(run):
    unwound = []

    async def consumer(event):
        try:
            await event.wait()
        finally:
            unwound.append("consumer")

    async def main():
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(consumer, trio.Event())
                await trio.sleep(2)
        finally:
            unwound.append("main")

    outcome = run(main)
    text = str(outcome.failure)

    assert isinstance(outcome.failure, DeadlockError)
    assert text.startswith("nothing can run and no timer is pending (t=2s, step 3)")
    main_line, consumer_line = (line.split() for line in text.splitlines()[1:])
    assert main_line[:3] == ["main", "waits", "in"]
    assert consumer_line[:6] == ["consumer", "waits", "in", "Event.wait", "since", "t=0s"]
    assert "test_ending.py:" in consumer_line[-1]
    assert unwound == ["consumer", "main"]


def test_a_main_that_catches_the_deadlock_has_failed_all_the_same(run):
    async def main():
        try:
            await trio.Event().wait()
        except DeadlockError:
            return "as if nothing had been"

    outcome = run(main)

    assert isinstance(outcome.failure, DeadlockError)
    assert outcome.value is None


def test_a_deadlock_behind_a_shield_unwinds_too(run):
    unwound = []

    async def stuck():
        try:
            with trio.CancelScope(shield=True):
                await trio.Event().wait()
        finally:
            unwound.append(True)

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stuck)

    assert isinstance(run(main).failure, DeadlockError)
    assert unwound == [True]


def test_a_livelock_tells_who_spins(run):
    async def spinner():
        while True:
            await trio.lowlevel.checkpoint()

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(spinner)
            nursery.start_soon(spinner)

    outcome = run(main, limits=SHORT)

    assert isinstance(outcome.failure, LivelockError)
    assert "2000 steps were taken" in str(outcome.failure)
    assert "spinner-2: " in str(outcome.failure)
    assert outcome.simulation.taken == 2001


@pytest.mark.parametrize("stubborn", [swallow_everything, swallow_and_sleep])
@pytest.mark.parametrize("as_main", [True, False])
@pytest.mark.parametrize("seed", [None, 1])
def test_tasks_that_swallow_everything_are_abandoned_in_bounded_steps(run, stubborn, as_main, seed):
    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stubborn)
            nursery.start_soon(stubborn)

    limits = Limits(steps=2_000, virtual_time=1_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = run(stubborn if as_main else main, limits=limits, seed=seed)
        failure = outcome.failure
        del outcome
        gc.collect()

    assert isinstance(failure, LivelockError)
    assert next_run_works(run)


def test_clean_up_that_awaits_does_not_disturb_the_tear_down_of_others(run):
    unwound = []

    async def tidy(name):
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.lowlevel.checkpoint()
            unwound.append(name)

    async def main():
        async with trio.open_nursery() as nursery:
            for name in range(3):
                nursery.start_soon(tidy, name)
            nursery.start_soon(swallow_everything)

    assert isinstance(run(main, limits=SHORT).failure, LivelockError)
    assert sorted(unwound) == [0, 1, 2]
    assert next_run_works(run)


def test_system_tasks_left_behind_are_a_leak(run):
    async def background():
        await trio.sleep_forever()

    async def main():
        trio.lowlevel.spawn_system_task(background)
        await trio.sleep(1)

    outcome = run(main)

    assert isinstance(outcome.failure, LeakError)
    assert "background" in str(outcome.failure)


def test_a_system_task_on_its_way_out_is_no_leak(run):
    async def background(event):
        await event.wait()
        for _ in range(5):
            await trio.lowlevel.checkpoint()

    async def main():
        event = trio.Event()
        trio.lowlevel.spawn_system_task(background, event)
        await trio.sleep(1)
        event.set()

    assert run(main).failure is None


def test_a_system_task_that_spins_for_ever_is_a_leak_and_is_torn_down(run):
    async def main():
        trio.lowlevel.spawn_system_task(swallow_everything)
        return "done"

    assert isinstance(run(main).failure, LeakError)
    assert next_run_works(run)


def test_a_system_task_that_fails_is_reported_as_trio_does(run):
    async def background():
        raise ValueError("in the background")

    async def main():
        trio.lowlevel.spawn_system_task(background)
        await trio.sleep(1)

    assert isinstance(run(main).failure, trio.TrioInternalError)
    assert next_run_works(run)


async def numbers():
    for number in range(3):
        yield number
        await trio.lowlevel.checkpoint()


def test_an_async_generator_left_suspended_is_a_leak(run):
    kept = []

    async def main():
        generator = numbers()
        kept.append(generator)
        await anext(generator)

    outcome = run(main)

    assert isinstance(outcome.failure, LeakError)
    assert "'numbers'" in str(outcome.failure)


def test_a_finished_or_closed_async_generator_is_none(run):
    kept = []

    async def main():
        whole, closed = numbers(), numbers()
        kept.extend([whole, closed])
        async for _ in whole:
            pass
        await anext(closed)
        await closed.aclose()

    assert run(main).failure is None


def test_a_coroutine_that_was_never_awaited_fails_a_run_that_was_fine_otherwise(run):
    async def forgotten():
        """Nobody waits for this."""

    async def main():
        forgotten()

    outcome = run(main)

    assert isinstance(outcome.failure, NeverAwaitedError)
    assert "forgotten" in str(outcome.failure)


def test_a_task_that_ended_is_not_kept_alive(run):
    alive = []

    class Big:
        pass

    async def worker():
        big = Big()
        alive.append(weakref.ref(big))
        alive.append(weakref.ref(trio.lowlevel.current_task()))
        await trio.lowlevel.checkpoint()

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker)
        await trio.lowlevel.checkpoint()
        return [ref() for ref in alive]

    gc.disable()
    try:
        assert run(main).value == [None, None]
    finally:
        gc.enable()


def test_a_simulation_inside_a_simulation_is_refused(run):
    async def inner():
        """Never reached."""

    async def main():
        return run(inner)

    outcome = run(main)

    assert outcome.failure is None
    assert isinstance(outcome.value.failure, NestedSimulationError)


def test_a_main_that_is_no_async_function_fails_as_it_does_on_trio(run):
    outcome = run(lambda: None)

    assert isinstance(outcome.failure, TypeError)
    assert next_run_works(run)


def test_hooks_and_handlers_are_what_they_were_before_the_run(run):
    hooks = sys.get_asyncgen_hooks()

    run(numbers)
    run(swallow_everything, limits=SHORT)

    assert sys.get_asyncgen_hooks() == hooks
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
