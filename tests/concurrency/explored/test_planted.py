"""The harness finds each bug of the real systems that depends on order, time or cancellation.

Each is planted as a naive version in the place of our construct, in the very scenario that ours
passes; see ``test_explored``. Bugs of other kinds are planted beside the tests of their construct.
"""

from __future__ import annotations

import pytest
from explored import (
    groups,
    lists,
    locks,
    meetings,
    natively,
    patterns,
    permits,
    queues,
    scopes,
    streams,
)
from explored import naive_patterns as naive
from explored import naive_primitives as primitive
from explored.table import TABLE

import simclock
from concurrency._primitives.waiters import Line

SCHEDULES = 500
ASYNCIO, TRIO, BOTH = ("asyncio",), ("trio",), ("asyncio", "trio")

# By name: scenario, what takes our construct's place, backends, what is cancelled.
PLANTED = {
    "gather swallows cancellation": (
        patterns.a_cancellation_is_never_a_result, naive.swallowing_gather, TRIO, False),
    "alcall swallows cancellation": (
        lists.a_list_call_never_takes_a_cancellation_for_a_result, naive.swallowing_alcall, TRIO, False),
    "CompletionStream left early waits for everything": (
        patterns.a_completion_stream_left_early_is_over_at_once, naive.PatientCompletionStream, BOTH, False),
    "PriorityQueue loses a wake-up": (
        queues.a_priority_queue_loses_no_wakeup, primitive.SleepyPriorityQueue, BOTH, False),
    "Queue loses the item of a natively cancelled getter": (
        natively.a_queue_loses_nothing_natively, primitive.LeakyQueue, ASYNCIO, False),
    "closing drops buffered items": (
        queues.closing_keeps_what_is_buffered, primitive.HastyQueue, BOTH, False),
    "retry sleeps towards a deadline it cannot meet": (
        patterns.retrying_ends_before_a_deadline_it_can_see, naive.stubborn_retry, BOTH, False),
    "CancelScope(timeout) never cancels": (
        scopes.a_scopes_time_ends_its_block, primitive.deaf_scope, BOTH, False),
    "CancelScope(shield) does not shield": (
        scopes.a_shielding_scope_keeps_cancellation_out, primitive.deaf_scope, BOTH, False),
    "first_success fails on the first failure": (
        patterns.the_first_success_outlasts_failures, naive.discouraged_first_success, BOTH, False),
    "race leaks tasks on timeout": (
        patterns.nothing_is_left_when_the_time_is_over, naive.careless_race, ASYNCIO, False),
    "gather keeps siblings running after a failure": (
        patterns.a_failure_cancels_and_awaits_the_siblings, naive.careless_gather, ASYNCIO, False),
    "map keeps siblings running after a failure": (
        patterns.a_map_ends_its_siblings_after_a_failure, naive.careless_map, ASYNCIO, False),
    "Barrier opens one short after a timeout": (
        meetings.a_barrier_opens_for_all_or_for_none, primitive.CountingBarrier, BOTH, False),
    "Condition loses its lock when cancelled": (
        locks.a_condition_gives_the_lock_back_however_a_wait_ends, primitive.ForgetfulCondition, BOTH, True),
    "set_total downwards has no effect": (
        permits.a_limiter_keeps_to_its_total_while_it_changes, primitive.RisingLimiter, BOTH, False),
    "borrowed reaches -1": (
        permits.a_limiter_keeps_to_its_total_while_it_changes, primitive.lowering_limiter, BOTH, False),
    "throttle runs at twice its rate": (
        streams.a_throttle_keeps_its_distance, naive.windowed_throttle, BOTH, False),
    "batch kills the source at the first timeout": (
        streams.a_timed_batch_loses_nothing, naive.deadly_batch, BOTH, False),
    "buffer stops at None": (
        streams.any_buffered_item_may_be_none, naive.none_ends_buffer, BOTH, False),
    "merge leaks tasks when left early": (
        streams.a_stream_left_early_closes_its_source, {"merge": naive.loose_merge}, ASYNCIO, False),
    "take pulls one too many": (
        streams.taking_pulls_no_more_than_it_gives, naive.greedy_take, BOTH, False),
    "shield orphans its work": (
        scopes.shielded_work_ends_before_the_caller_goes_on, naive.orphaning_shield, ASYNCIO, False),
    "shield orphans its work natively": (
        natively.shielded_work_ends_first_natively, naive.orphaning_shield, ASYNCIO, False),
    "handle.wait() timing out cancels the task": (
        groups.giving_up_on_a_wait_leaves_the_task_alone, primitive.ImpatientGroup, BOTH, False),
    "Lock lets others barge in": (
        locks.a_lock_excludes_and_serves_in_order, primitive.BargingLock, BOTH, False),
}  # fmt: skip

STALLS = {each.main: each.stalls for each in TABLE}

CASES = [
    pytest.param(scenario, planted, backend, cancel, id=f"{name}-{backend}")
    for name, (scenario, planted, backends, cancel) in PLANTED.items()
    for backend in backends
]


@pytest.mark.parametrize(("scenario", "planted", "backend", "cancel"), CASES)
def test_the_harness_finds(scenario, planted, backend: str, cancel: bool) -> None:
    found = simclock.explore(
        scenario,
        planted,
        backend=backend,
        cancel=cancel,
        schedules=SCHEDULES,
        stalls=STALLS[scenario],
        on_failure="return",
    ).failure

    assert found is not None
    # Found by what the scenario promises, and not because the naive version lacks something.
    flat = leaves(found.exception)
    assert not [each for each in flat if isinstance(each, (AttributeError, TypeError, NameError))]


@pytest.mark.parametrize("backend", BOTH)
def test_the_harness_finds_a_queue_that_serves_whoever_is_cancelled_already(
    monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setattr(Line, "has_next", lambda line: bool(line.waiting))

    found = simclock.explore(
        queues.a_queue_passes_each_item_once,
        backend=backend,
        cancel="tasks",
        schedules=SCHEDULES,
        on_failure="return",
    ).failure

    assert found is not None


def leaves(exception: BaseException) -> list[BaseException]:
    if isinstance(exception, BaseExceptionGroup):
        return [leaf for each in exception.exceptions for leaf in leaves(each)]
    return [exception]
