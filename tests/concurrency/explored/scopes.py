"""Cancellation: by hand, by the clock, kept out, told apart."""

from __future__ import annotations

import math

import anyio
from explored.table import scenario

from concurrency import (
    CancelScope,
    FailScope,
    TaskGroup,
    checkpoint,
    current_time,
    effective_deadline,
    fail_after,
    fail_at,
    get_cancelled_exc_class,
    is_cancelled,
    move_on_after,
    move_on_at,
    non_cancel_subgroup,
    shield,
    sleep,
    split_cancellation,
)


@scenario("CancelScope", "move_on_after", "move_on_at", "effective_deadline")
async def a_scopes_time_ends_its_block(make=CancelScope) -> None:
    scopes = (
        lambda: make(timeout=1),
        lambda: move_on_after(1),
        lambda: move_on_at(current_time() + 1),
    )
    for scope in scopes:
        started = current_time()
        async with scope() as entered:
            deadline = effective_deadline()
            assert deadline is not None
            assert deadline <= started + 1 or entered.cancel_called
            await sleep(50)
        assert current_time() < started + 50 or entered.cancelled_caught
        assert entered.cancelled_caught, "nothing cut the block short"


@scenario("FailScope", "fail_after", "fail_at")
async def a_timeout_is_raised_only_for_work_cut_short(
    makes=(fail_after, lambda seconds: fail_at(current_time() + seconds)),
) -> None:
    for make in makes:
        done = timed_out = False
        scope = make(1)
        assert isinstance(scope, FailScope)
        try:
            async with scope:
                await sleep(1)
                done = True
        except TimeoutError:
            timed_out = True
        assert done != timed_out


@scenario("CancelScope")
async def a_shielding_scope_keeps_cancellation_out(make=CancelScope) -> None:
    steps: list[str] = []

    async def work() -> None:
        with make(shield=True):
            await sleep(1)
            steps.append("done")

    with move_on_after(0.5):
        await work()
    assert steps == ["done"]


@scenario("shield", cancel=(False, True))
async def shielded_work_ends_before_the_caller_goes_on(shield=shield) -> None:
    began = ended = 0

    async def work() -> str:
        nonlocal began, ended
        began += 1
        try:
            await sleep(1)
            return "done"
        finally:
            ended += 1

    try:
        with move_on_after(0.5):
            assert await shield(work) == "done"
    finally:
        assert began == ended, "shielded work was orphaned"


@scenario(
    "is_cancelled", "get_cancelled_exc_class", "split_cancellation", "non_cancel_subgroup",
    cancel=(False, True),
)  # fmt: skip
async def cancellation_is_told_from_failure() -> None:
    caught: list[BaseException] = []
    told: list[bool] = []
    failures = None

    async def fail() -> None:
        try:
            await sleep(1)
        except get_cancelled_exc_class() as exc:
            told.append(is_cancelled(exc))
            raise
        raise ValueError("failure")

    async def fail_while_leaving() -> None:
        try:
            await sleep(10)
        finally:
            with CancelScope(shield=True):
                await checkpoint()

    try:
        async with anyio.create_task_group() as tg:
            tg.start_soon(fail)
            tg.start_soon(fail_while_leaving)
    except BaseExceptionGroup as group:
        cancelled, rest = split_cancellation(group)
        if cancelled is not None:
            raise cancelled from None
        assert rest is not None
        caught.extend(rest.exceptions)
        failures = non_cancel_subgroup(group)
    assert failures is not None
    assert [type(each) for each in caught] == [ValueError]
    assert all(told)


@scenario("CancelScope", "effective_deadline")
async def an_explicit_cancel_is_no_timeout() -> None:
    scope = CancelScope(timeout=1)
    by_hand = False

    async def cancel() -> None:
        nonlocal by_hand
        await sleep(1)
        by_hand = not scope.cancel_called
        scope.cancel()

    async with TaskGroup() as tg:
        tg.start_soon(cancel)
        async with scope:
            await sleep(5)
        assert scope.cancelled_caught
        assert scope.timed_out != by_hand
        assert effective_deadline() in (None, -math.inf)


@scenario("fail_after")
async def nothing_is_lost_when_work_ends_at_its_deadline() -> None:
    results: list[str] = []
    try:
        async with fail_after(1):
            await sleep(1)
            results.append("done")
    except TimeoutError:
        results.append("late")
    assert len(results) == 1
