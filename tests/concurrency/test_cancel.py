"""Scopes, timeouts, shields, and telling cancellation from failure."""

from __future__ import annotations

import gc
import math
import weakref

import anyio
import pytest

from concurrency import (
    CancelScope,
    checkpoint,
    current_time,
    effective_deadline,
    fail_after,
    fail_at,
    get_cancelled_exc_class,
    is_cancelled,
    is_coro_func,
    move_on_after,
    move_on_at,
    non_cancel_subgroup,
    shield,
    sleep,
    split_cancellation,
)

BACKENDS = ("asyncio", "trio")
both = pytest.mark.parametrize("backend", BACKENDS)


async def a_scopes_timeout_counts_from_entering() -> None:
    scope = CancelScope(timeout=60)
    start = current_time()
    await sleep(0.001)
    with scope:
        assert start + 60 < scope.deadline <= current_time() + 60
    async with CancelScope(timeout=0.001) as late:
        await anyio.sleep_forever()
    assert late.cancelled_caught
    assert late.timed_out


async def a_scopes_shield_shields() -> None:
    reached = False
    with anyio.CancelScope() as outer:
        outer.cancel()
        async with CancelScope(shield=True):
            await checkpoint()
            reached = True
        await anyio.sleep_forever()
    assert reached
    assert outer.cancelled_caught


async def a_scope_cancelled_before_it_is_entered_ends_at_once() -> None:
    scope = CancelScope()
    scope.cancel()
    with scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert not scope.timed_out


async def timeouts_work_with_both_kinds_of_with() -> None:
    for make in (lambda: fail_after(0.001), lambda: fail_at(current_time() + 0.001)):
        with pytest.raises(TimeoutError):
            async with make():
                await anyio.sleep_forever()
        with pytest.raises(TimeoutError), make():
            await anyio.sleep_forever()
    for make in (lambda: move_on_after(0.001), lambda: move_on_at(current_time() + 0.001)):
        async with make() as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught
    for make in (fail_after, fail_at, move_on_after, move_on_at):
        async with make(None):
            assert effective_deadline() is None


async def a_timeout_is_raised_only_for_work_cut_short() -> None:
    with fail_after(0) as scope:
        assert effective_deadline() == -math.inf
    with fail_after(10) as scope:
        scope.cancel()
        scope.deadline = current_time()
        await anyio.sleep_forever()
    with pytest.raises(KeyError), fail_after(0.001):
        try:
            await anyio.sleep_forever()
        finally:
            raise KeyError


async def shielded_work_finishes_before_the_cancellation_is_felt() -> None:
    done = []

    async def work(value: int) -> int:
        await sleep(0.002)
        done.append(value)
        return value

    with anyio.CancelScope() as scope:
        scope.cancel()
        assert await shield(work, 1) == 1
        assert await shield(work(2)) == 2
        await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert done == [1, 2]
    with pytest.raises(TypeError, match="arguments only for a function"):
        await shield(work(1), 2)


async def cancellation_is_told_from_failure() -> None:
    cancelled = None
    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await anyio.sleep_forever()
        except get_cancelled_exc_class() as exc:
            cancelled = exc
            raise
    assert cancelled is not None
    assert is_cancelled(cancelled)
    error = ValueError()
    group = BaseExceptionGroup("both", [cancelled, BaseExceptionGroup("in", [error, cancelled])])
    cancellations, rest = split_cancellation(group)
    assert rest is not None
    assert rest.exceptions[0].exceptions == (error,)
    assert cancellations is not None
    assert non_cancel_subgroup(cancellations) is None
    assert non_cancel_subgroup(group).message == "both"
    assert not is_cancelled(error)


SCENARIOS = [
    a_scopes_timeout_counts_from_entering,
    a_scopes_shield_shields,
    a_scope_cancelled_before_it_is_entered_ends_at_once,
    timeouts_work_with_both_kinds_of_with,
    a_timeout_is_raised_only_for_work_cut_short,
    shielded_work_finishes_before_the_cancellation_is_felt,
    cancellation_is_told_from_failure,
]


@both
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_cancel(scenario, backend) -> None:
    anyio.run(scenario, backend=backend)


@pytest.mark.parametrize("make", [fail_after, fail_at, move_on_after, move_on_at])
@pytest.mark.parametrize(("wrong", "error"), [("1", TypeError), (math.nan, ValueError)])
def test_a_time_that_is_no_number_is_refused(make, wrong, error) -> None:
    with pytest.raises(error, match="must be a number"):
        make(wrong)


def test_a_coroutine_function_is_known_without_being_kept_alive() -> None:
    def make():
        async def closure() -> None: ...

        return closure

    closure = make()
    assert is_coro_func(closure)
    assert not is_coro_func(make)
    reference = weakref.ref(closure)

    del closure
    gc.collect()
    assert reference() is None


def test_an_async_callable_object_is_a_coroutine_function() -> None:
    class Caller:
        async def __call__(self) -> None: ...

    assert is_coro_func(Caller())
    assert not is_coro_func(Caller)
