"""Several things at once: none outlives its call, no failure and no cancellation is swallowed."""

from __future__ import annotations

import pytest
from explored.groups import Crew
from explored.table import scenario

from concurrency import (
    CompletionStream,
    Settled,
    SettledStatus,
    bounded_map,
    current_time,
    first_success,
    gather,
    gather_settled,
    is_cancelled,
    map_async,
    move_on_after,
    move_on_at,
    race,
    retry,
    sleep,
)


@scenario("gather", cancel=(False, True))
async def gathered_results_keep_their_order(gather=gather) -> None:
    crew = Crew()
    try:
        results = await gather(*(crew.work(seconds) for seconds in (2, 1, 3)))
        assert results == [2, 1, 3]
    finally:
        assert crew.working == 0


@scenario("gather", cancel=(False, True))
async def a_cancellation_is_never_a_result(gather=gather) -> None:
    crew = Crew()
    with move_on_after(1.5) as scope:
        results = await gather(
            crew.work(1), crew.work(2), crew.work(1, OSError()), return_exceptions=True
        )
        assert not [
            each for each in results if isinstance(each, BaseException) and is_cancelled(each)
        ]
        assert [type(each) for each in results] == [int, int, OSError]
    assert crew.working == 0
    assert scope.cancelled_caught or current_time() >= 2


@scenario("gather", cancel=(False, True))
async def a_failure_cancels_and_awaits_the_siblings(gather=gather) -> None:
    crew = Crew()
    ends: list[str] = []

    async def slow() -> None:
        await crew.work(50)
        ends.append("a sibling ran on")

    try:
        with pytest.raises(ExceptionGroup):
            await gather(crew.work(1, ValueError()), slow(), slow())
    finally:
        assert crew.working == 0
        # Under stalls the sibling may come first; else the failure ended it.
        assert not ends or current_time() >= 50


@scenario("gather_settled", "Settled", "SettledStatus")
async def every_outcome_is_reported(gather_settled=gather_settled) -> None:
    crew = Crew()
    try:
        reports = await gather_settled(crew.work(2), crew.work(1, OSError()), crew.work(1))
        assert len(reports) == 3
        for report in reports:
            assert isinstance(report, Settled)
            assert report.is_fulfilled == (report.status is SettledStatus.FULFILLED)
        assert reports[1].is_rejected
    finally:
        assert crew.working == 0


@scenario("race", cancel=(False, True))
async def the_first_to_end_wins_and_the_rest_is_gone(race=race) -> None:
    crew = Crew()
    try:
        assert await race(crew.work(1), crew.work(1.5), crew.work(2)) in {1, 1.5, 2}
        assert crew.working == 0
        with pytest.raises((OSError, TimeoutError)):
            await race(crew.work(2, OSError()), crew.work(5, OSError()), timeout=1)
    finally:
        assert crew.working == 0


@scenario("race", "first_success", cancel=(False, True))
async def nothing_is_left_when_the_time_is_over(race=race, first_success=first_success) -> None:
    crew = Crew()
    for pattern in (race, first_success):
        try:
            assert await pattern(crew.work(5), crew.work(6), timeout=1) in {5, 6}
        except TimeoutError:
            assert current_time() >= 1
        finally:
            assert crew.working == 0, "a racer runs on"


@scenario("first_success", cancel=(False, True))
async def the_first_success_outlasts_failures(first_success=first_success) -> None:
    crew = Crew()
    try:
        assert await first_success(crew.work(1, OSError()), crew.work(2)) == 2
        with pytest.raises(ExceptionGroup) as caught:
            await first_success(crew.work(1, OSError()), crew.work(1, ValueError()))
        assert [type(each) for each in caught.value.exceptions] == [OSError, ValueError]
    finally:
        assert crew.working == 0


@scenario("bounded_map", "map_async", cancel=(False, True))
async def a_map_holds_no_more_tasks_than_its_limit(
    bounded_map=bounded_map, map_async=map_async
) -> None:
    crew = Crew()
    read = 0

    async def call(seconds: float) -> float:
        assert crew.working < 2
        return await crew.work(seconds)

    def items():
        nonlocal read
        for read in range(1, 5):
            assert read <= crew.working + 65
            yield read % 3

    try:
        assert await bounded_map(call, items(), limit=2) == [1, 2, 0, 1]
        assert await map_async(call, [1, 0], limit=1) == [1, 0]
        assert await map_async(crew.work, [2, 1, 0]) == [2, 1, 0]
    finally:
        assert crew.working == 0


@scenario("bounded_map", "map_async", cancel=(False, True))
async def a_map_ends_its_siblings_after_a_failure(
    bounded_map=bounded_map, map_async=map_async
) -> None:
    crew = Crew()

    async def call(seconds: float) -> None:
        await crew.work(seconds, ValueError() if seconds == 1 else None)

    for mapping, options in ((bounded_map, {"limit": 3}), (map_async, {})):
        try:
            with pytest.raises(ExceptionGroup):
                await mapping(call, [1, 50, 2], **options)
        finally:
            assert crew.working == 0


@scenario("CompletionStream", cancel=(False, True), stalls=0)
async def a_completion_stream_left_early_is_over_at_once(make=CompletionStream) -> None:
    crew = Crew()
    try:
        async with make([crew.work(seconds) for seconds in (1, 50, 60)], limit=2) as stream:
            async for index, seconds in stream:
                assert (index, seconds) == (0, 1)
                break
        assert current_time() == 1
    finally:
        assert crew.working == 0


@scenario("CompletionStream", cancel=(False, True))
async def a_completion_stream_gives_each_result_once(make=CompletionStream) -> None:
    crew = Crew()
    try:
        works = [crew.work(1), crew.work(1, OSError()), crew.work(2), crew.work(0)]
        async with make(works, limit=3, return_exceptions=True) as stream:
            results = [item async for item in stream]
        assert sorted(index for index, _ in results) == [0, 1, 2, 3]
        assert [type(result) for index, result in results if index == 1] == [OSError]
    finally:
        assert crew.working == 0


@scenario("retry")
async def retrying_ends_before_a_deadline_it_can_see(retry=retry) -> None:
    calls, ended, deadline = 0, 0.0, current_time() + 3

    async def fail() -> None:
        nonlocal calls, ended
        calls, ended = calls + 1, -1
        await sleep(0.1)
        ended = current_time()
        raise OSError("again")

    with move_on_at(deadline) as scope:
        with pytest.raises(OSError, match="again"):
            await retry(fail, attempts=5, base_delay=1, max_delay=10, jitter=0)
    # A machine may be slow in a call, or waking up; no sleep is begun that outlasts the deadline.
    if scope.cancelled_caught and ended >= 0:
        assert ended + 2 ** (calls - 1) < deadline, "it slept towards a deadline it could see"
    assert 0 < calls <= 3
