"""One function called over a list."""

from __future__ import annotations

import pytest
from explored.groups import Crew
from explored.table import scenario

from concurrency import Unset, UnsetType, alcall, bcall, current_time, is_cancelled, move_on_after


@scenario("alcall", cancel=(False, True))
async def a_list_call_keeps_to_its_limit_and_its_order(alcall=alcall) -> None:
    crew = Crew()

    async def call(seconds: float) -> float:
        assert crew.working < 2
        return await crew.work(seconds)

    try:
        assert await alcall([3, 1, 2], call, max_concurrent=2) == [3, 1, 2]
    finally:
        assert crew.working == 0


@scenario("alcall", "Unset", "UnsetType", cancel=(False, True))
async def failing_calls_are_repeated_and_then_replaced(alcall=alcall) -> None:
    crew = Crew()
    calls: list[int] = []

    async def flaky(item: int) -> int:
        calls.append(item)
        await crew.work(1, OSError() if calls.count(item) <= item else None)
        return item

    assert isinstance(Unset, UnsetType)
    try:
        results = await alcall(
            [0, 1, 5], flaky, retry_attempts=1, retry_initial_delay=1, retry_default=None
        )
        assert results == [0, 1, None]
        assert sorted(calls) == [0, 1, 1, 5, 5]
    finally:
        assert crew.working == 0


@scenario("alcall", cancel=(False, True))
async def a_list_call_never_takes_a_cancellation_for_a_result(alcall=alcall) -> None:
    crew = Crew()

    async def call(seconds: float) -> float:
        return await crew.work(seconds, OSError() if seconds == 1 else None)

    with move_on_after(1.5) as scope:
        results = await alcall([1, 2, 1], call, return_exceptions=True)
        assert not [
            each for each in results if isinstance(each, BaseException) and is_cancelled(each)
        ]
    assert crew.working == 0
    assert scope.cancelled_caught or current_time() >= 2


@scenario("alcall", cancel=(False, True))
async def a_failing_list_call_ends_the_others(alcall=alcall) -> None:
    crew = Crew()

    async def call(seconds: float) -> None:
        await crew.work(seconds, ValueError() if seconds == 1 else None)

    try:
        with pytest.raises(ExceptionGroup):
            await alcall([50, 1, 60], call)
    finally:
        assert crew.working == 0


@scenario("bcall", cancel=(False, True))
async def batches_come_one_by_one(bcall=bcall) -> None:
    crew = Crew()
    batches = bcall([2, 1, 0], crew.work, 2)
    try:
        assert [batch async for batch in batches] == [[2, 1], [0]]
    finally:
        await batches.aclose()
        assert crew.working == 0
