"""Checks of alcall and bcall."""

# ruff: noqa: PT017 - These programs run without pytest.

from __future__ import annotations

from itertools import pairwise

import pytest
from areas.groups import Interrupt, Work
from areas.patterns import leave
from checking import explored, scenarios

from concurrency import (
    TaskGroup,
    Unset,
    alcall,
    bcall,
    checkpoint,
    current_time,
    fail_after,
    move_on_after,
    sleep,
)


async def calls_keep_to_their_limit_and_results_to_their_order() -> None:
    running = most = 0

    async def call(item: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await sleep(item)
        running -= 1
        return -item

    for limit in (1, 2, None):
        most = 0
        assert await alcall([3, 1, 2, 0], call, max_concurrent=limit) == [-3, -1, -2, 0]
        assert most == (limit or 4)
    assert [b async for b in bcall(range(5), call, 2)] == [[0, -1], [-2, -3], [-4]]


async def a_failing_call_is_repeated_with_growing_pauses() -> None:
    instants: list[float] = []

    async def call(_item: int) -> None:
        instants.append(current_time())
        raise OSError

    options = {"retry_attempts": 3, "retry_initial_delay": 1, "retry_backoff": 3}
    with pytest.raises(ExceptionGroup):
        await alcall([1], call, **options)
    assert instants == [0, 1, 4, 13], f"called at {instants}"
    assert await alcall([1], call, retry_default="default") == ["default"]


async def the_last_attempt_can_succeed() -> None:
    calls = 0

    async def call(_item: int) -> str:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise OSError
        return "answer"

    assert await alcall([1], call, retry_attempts=2) == ["answer"]


async def a_failed_call_ends_the_rest_and_is_raised() -> None:
    errors = [OSError("first"), ValueError("second")]

    async def call(item: int) -> int:
        if item == 50:
            await leave(item, errors[1])
        return await Work().after(item, errors[0] if item == 1 else None)

    try:
        await alcall([50, 1, 60], call)
    except ExceptionGroup as group:
        assert set(group.exceptions) == set(errors)
        assert current_time() == 2, "the others ran on"
    else:
        raise AssertionError("failures were swallowed")
    assert await alcall([1, 2], call, return_exceptions=True) == [errors[0], 2]


async def an_interrupt_is_no_result() -> None:
    async def call(item: int) -> None:
        raise Interrupt

    try:
        await alcall([1], call, return_exceptions=True)
    except Interrupt:
        return
    raise AssertionError("an interrupt became a result")


async def starts_are_kept_apart() -> None:
    instants: list[float] = []

    async def call(item: int) -> None:
        instants.append(current_time())
        await sleep(item)

    await sleep(1)
    await alcall([9, 1, 9, 1, 1], call, throttle_period=2, max_concurrent=3)
    pauses = [later - sooner for sooner, later in pairwise(instants)]
    assert min(pauses) >= 2, f"started at {instants}"


async def an_error_is_not_lost_to_a_deadline_that_can_be_seen() -> None:
    async def call(_item: int) -> None:
        raise OSError

    try:
        with fail_after(4):
            await alcall([1], call, retry_attempts=9, retry_initial_delay=5)
    except ExceptionGroup:
        assert current_time() == 0
    else:
        raise AssertionError("the error was lost to the timeout")


async def a_default_hides_no_cancellation() -> None:
    went_on = False

    async def call(_item: int) -> None:
        try:
            await sleep(50)
        finally:
            raise OSError

    with move_on_after(1):
        await alcall([1], call, retry_default=None)
        went_on = True
    assert not went_on, "a cancelled call returned a default"


async def lists_are_flattened_to_the_ground_and_repetitions_left_out() -> None:
    async def same(item):
        await checkpoint()
        return item

    nested = [1, [2, [3, [None, {"a": 1}, Unset]]], [1, {"a": 1}]]
    got = await alcall(nested, same, input_flatten=True, input_dropna=True, input_unique=True)
    assert got == [1, 2, 3, {"a": 1}], f"{got}"


async def calls_belong_to_their_caller() -> None:
    work = Work()
    async with TaskGroup() as tg:
        handle = tg.spawn(alcall, [50, 60], work.after)
        await sleep(1)
        handle.cancel()
    assert sorted(work.ends) == ["50 cancelled", "60 cancelled"]


CHECKS = (
    explored(calls_keep_to_their_limit_and_results_to_their_order, stalls=0),
    explored(a_failing_call_is_repeated_with_growing_pauses, stalls=0),
    explored(the_last_attempt_can_succeed),
    explored(a_failed_call_ends_the_rest_and_is_raised, stalls=0),
    explored(an_interrupt_is_no_result, stalls=0),
    explored(starts_are_kept_apart, stalls=0),
    explored(an_error_is_not_lost_to_a_deadline_that_can_be_seen, stalls=0),
    explored(a_default_hides_no_cancellation, stalls=0),
    explored(lists_are_flattened_to_the_ground_and_repetitions_left_out),
    explored(calls_belong_to_their_caller, stalls=0),
    *scenarios("lists"),
)
