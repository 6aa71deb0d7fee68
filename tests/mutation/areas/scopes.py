"""Checks of scopes, deadlines and shields."""

from __future__ import annotations

import asyncio
import math
from functools import partial

import anyio
import pytest
from checking import NATIVE, explored, scenarios

from concurrency import (
    CancelScope,
    Deadline,
    TaskGroup,
    current_time,
    effective_deadline,
    fail_after,
    fail_at,
    move_on_after,
    move_on_at,
    shield,
    sleep,
)


def _at(make, seconds, **options):
    return make(current_time() + seconds, **options)


#: Every way to make a scope, and whether its deadline is an error.
WAYS = (
    (lambda seconds, **o: CancelScope(timeout=seconds, **o), False),
    (lambda seconds, **o: CancelScope(deadline=current_time() + seconds, **o), False),
    (lambda seconds, **o: CancelScope(timeout=seconds, deadline=current_time() + 90, **o), False),
    (move_on_after, False),
    (partial(_at, move_on_at), False),
    (fail_after, True),
    (partial(_at, fail_at), True),
)


async def a_scope_ends_its_block_at_the_earlier_of_its_times() -> None:
    await sleep(5)
    for make, fails in WAYS:
        began, timed_out = current_time(), False
        try:
            with make(2):
                await sleep(50)
        except TimeoutError:
            timed_out = True
        assert current_time() == began + 2
        assert timed_out == fails, "a deadline is an error for fail_after and fail_at alone"


async def every_way_to_make_a_scope_can_shield() -> None:
    for make, _ in WAYS:
        done = False
        with move_on_after(1):
            with make(10, shield=True):
                await sleep(2)
                done = True
        assert done, "an outer cancellation reached a shielded block"


async def shield_and_deadline_can_be_set_inside_the_block() -> None:
    done = False
    with move_on_after(1):
        with CancelScope() as scope:
            scope.shield = True
            assert scope.shield
            await sleep(2)
            done = True
    assert done
    began = current_time()
    with CancelScope() as scope:
        scope.deadline = began + 1
        assert scope.deadline == began + 1
        await sleep(5)
    assert current_time() == began + 1


async def a_cancel_before_the_block_is_remembered() -> None:
    scope = CancelScope()
    scope.cancel()
    assert scope.cancel_called
    with scope:
        await sleep(1)
    assert scope.cancelled_caught


async def what_cut_a_block_short_is_told() -> None:
    with CancelScope(timeout=1) as scope:
        try:
            await sleep(5)
        finally:
            scope.cancel()  # Too late to be the cause.
    assert scope.timed_out
    assert scope.expired
    assert not scope.cancelled_by_hand
    with CancelScope(timeout=5) as scope:
        scope.cancel()
        await sleep(1)
    assert scope.cancelled_caught
    assert not scope.timed_out, "it was cancelled, and not by its deadline"
    assert not scope.expired


async def a_block_that_got_done_or_failed_raises_no_timeout() -> None:
    with fail_after(1):
        with CancelScope(shield=True):
            await sleep(2)
    with fail_after(1) as scope:
        scope.cancel()
        await sleep(5)
    with pytest.raises(OSError, match="the block's own"), fail_after(1):
        with CancelScope(shield=True):
            await sleep(2)
        raise OSError("the block's own")


async def the_effective_deadline_is_the_nearest_that_reaches() -> None:
    assert effective_deadline() is None
    assert Deadline.current().instant == math.inf
    now = current_time()
    with move_on_after(5), move_on_after(9):
        assert effective_deadline() == now + 5
        assert Deadline.current() == Deadline(now + 5)
        with CancelScope(shield=True):
            assert effective_deadline() is None


async def a_budget_is_counted_on_the_clock() -> None:
    await sleep(3)
    whole = Deadline.after(10)
    assert whole.instant == current_time() + 10
    assert whole.share(0.8).instant == current_time() + 8
    await sleep(5)
    assert whole.remaining() == 5
    assert not whole.expired
    await sleep(5)
    assert whole.expired, "its instant has come"
    await sleep(5)
    assert whole.remaining() == 0
    assert whole.share(0.5) <= whole, "a share of what is over outlasts it"


async def shielded_work_ends_whatever_cancels_its_caller() -> None:
    done = False

    async def work() -> str:
        nonlocal done
        await sleep(2)
        done = True
        return "done"

    with move_on_after(1) as scope:
        assert await shield(work) == "done"
        await sleep(5)
    assert done, "shielded work was cancelled"
    assert scope.cancelled_caught


async def _shielded_natively(error: Exception | None) -> tuple[list[str], BaseException | None]:
    steps: list[str] = []

    async def work() -> None:
        try:
            await sleep(2)
        except BaseException:
            steps.append("cancelled")
            raise
        steps.append("ended")
        if error is not None:
            raise error

    async def caller() -> None:
        await shield(work)
        steps.append("went on")

    task = asyncio.create_task(caller())
    await sleep(1)
    task.cancel()
    await asyncio.wait([task])
    return steps, asyncio.CancelledError() if task.cancelled() else task.exception()


async def a_native_cancellation_waits_for_shielded_work_and_is_raised() -> None:
    steps, raised = await _shielded_natively(None)
    assert steps == ["ended"], f"shielded work and its caller: {steps}"
    assert isinstance(raised, asyncio.CancelledError)


async def an_error_of_shielded_work_beats_a_native_cancellation() -> None:
    steps, raised = await _shielded_natively(OSError())
    assert steps == ["ended"]
    assert isinstance(raised, OSError)


async def a_deadline_outlasts_groups_of_any_depth() -> None:
    async def nested(depth: int) -> None:
        async with TaskGroup() as tg:
            tg.start_soon(nested, depth - 1) if depth else tg.start_soon(anyio.sleep, 50)

    began = current_time()
    with move_on_after(1):
        await nested(2)
    assert current_time() == began + 1


CHECKS = (
    explored(a_scope_ends_its_block_at_the_earlier_of_its_times, stalls=0),
    explored(every_way_to_make_a_scope_can_shield, stalls=0),
    explored(shield_and_deadline_can_be_set_inside_the_block, stalls=0),
    explored(a_cancel_before_the_block_is_remembered),
    explored(what_cut_a_block_short_is_told, stalls=0),
    explored(a_block_that_got_done_or_failed_raises_no_timeout, stalls=0),
    explored(the_effective_deadline_is_the_nearest_that_reaches, stalls=0),
    explored(a_budget_is_counted_on_the_clock, stalls=0),
    explored(shielded_work_ends_whatever_cancels_its_caller, stalls=0),
    explored(
        a_native_cancellation_waits_for_shielded_work_and_is_raised, backends=NATIVE, stalls=0
    ),
    explored(an_error_of_shielded_work_beats_a_native_cancellation, backends=NATIVE, stalls=0),
    explored(a_deadline_outlasts_groups_of_any_depth, stalls=0),
    *scenarios("scopes"),
)
