"""Scopes, shields and injected cancellations on trio."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from simclock.kernel import MAIN
from simclock.schedules import Deviation, Kind


def test_nested_scopes_catch_their_own_cancellation_only(value):
    async def main():
        with trio.move_on_after(3) as outer:
            with trio.move_on_after(1) as inner:
                await trio.sleep_forever()
            assert trio.current_time() == 1
            with trio.move_on_after(10) as late:
                await trio.sleep_forever()
        return (
            outer.cancelled_caught,
            inner.cancelled_caught,
            late.cancelled_caught,
            trio.current_time(),
        )

    assert value(main) == (True, True, False, 3)


def test_a_shield_holds_until_it_is_lowered(value):
    async def main():
        with trio.move_on_after(1) as outer:
            with trio.CancelScope(shield=True) as shield:
                await trio.sleep(5)
                shield.shield = False
                await trio.sleep_forever()
        return outer.cancelled_caught, trio.current_time()

    assert value(main) == (True, 5)


def test_the_first_failure_cancels_the_siblings_and_comes_out_in_a_group(run):
    cancelled = []

    async def fail():
        await trio.sleep(1)
        raise ValueError("first")

    async def wait(name):
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            cancelled.append(name)
            raise

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, "a")
            nursery.start_soon(fail)
            nursery.start_soon(wait, "b")

    for seed in (None, *range(10)):
        cancelled.clear()
        outcome = run(main, seed=seed)
        assert isinstance(outcome.failure, ExceptionGroup)
        assert [repr(e) for e in outcome.failure.exceptions] == ["ValueError('first')"]
        assert sorted(cancelled) == ["a", "b"]


def test_an_exception_out_of_main_comes_out_as_it_was_raised(run):
    error = ValueError("mine")

    async def main():
        await trio.sleep(1)
        raise error

    assert run(main).failure is error


def test_main_can_be_cancelled_before_its_first_step(run):
    reached = []

    async def main():
        reached.append("start")
        await trio.sleep(1)
        reached.append("end")

    outcome = run(main, injected=(Deviation(1, Kind.CANCEL, MAIN),), scoped=frozenset({MAIN}))

    assert outcome.cancelled
    assert reached == ["start"]
    assert outcome.simulation.now == 0


def test_a_cancelled_main_that_fails_on_its_way_out_has_failed(run):
    async def main():
        try:
            await trio.sleep(1)
        finally:
            raise ValueError("in the clean-up")

    outcome = run(main, injected=(Deviation(2, Kind.CANCEL, MAIN),), scoped=frozenset({MAIN}))

    assert isinstance(outcome.failure, ValueError)
    assert not outcome.cancelled


def test_a_main_that_ends_in_spite_of_its_cancellation_has_its_value(run):
    async def main():
        with trio.CancelScope(shield=True):
            await trio.sleep(1)
        return "done"

    outcome = run(main, injected=(Deviation(2, Kind.CANCEL, MAIN),), scoped=frozenset({MAIN}))

    assert (outcome.value, outcome.failure, outcome.cancelled) == ("done", None, False)


def test_any_task_can_be_cancelled_through_a_scope_around_it(run):
    ended = []

    async def worker(name):
        await trio.sleep(1)
        ended.append(name)

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker, "a")
            nursery.start_soon(worker, "b")
        return "main"

    outcome = run(main, injected=(Deviation(3, Kind.CANCEL, 2),), scoped=frozenset({2}))

    assert outcome.value == "main"
    assert ended == ["b"]
    assert [(d.at, d.kind, d.lane) for d in outcome.simulation.applied] == [(3, Kind.CANCEL, 2)]


@pytest.mark.parametrize("lane", [2, 9])
def test_a_lane_that_is_gone_or_never_came_cannot_be_cancelled(run, lane):
    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.lowlevel.checkpoint)
        for _ in range(5):
            await trio.lowlevel.checkpoint()

    outcome = run(main, injected=(Deviation(6, Kind.CANCEL, lane),), scoped=frozenset({lane}))

    assert outcome.failure is None
    assert outcome.simulation.applied == []


def test_a_scope_around_a_task_does_not_change_the_course_of_a_run(run):
    async def child():
        await trio.sleep(1)

    async def main():
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(child)
            await nursery.start(started)

    async def started(task_status=trio.TASK_STATUS_IGNORED):
        await trio.sleep(0.5)
        task_status.started()
        await trio.sleep(0.5)

    for seed in range(10):
        bare = run(main, seed=seed)
        scoped = run(main, seed=seed, scoped=frozenset({MAIN, 2, 3, 4, 5, 6}))
        assert bare.failure is None
        assert scoped.failure is None
        assert bare.simulation.trace.order == scoped.simulation.trace.order


def test_the_driver_settles_when_nothing_else_can_run(value):
    async def main():
        from simclock.simulation.current import current

        steps = 0

        async def busy():
            nonlocal steps
            for _ in range(5):
                steps += 1
                await trio.lowlevel.checkpoint()
            await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(busy)
            await current().settle()
            return steps, trio.current_time()

    assert value(main) == (5, 0)
