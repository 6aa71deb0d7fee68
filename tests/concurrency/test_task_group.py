"""TaskGroup and TaskHandle: what is raised, in which shape, and who is cancelled."""

from __future__ import annotations

import anyio
import pytest

import simclock
from concurrency import (
    TaskGroup,
    TaskState,
    checkpoint,
    create_task_group,
    current_task,
    current_time,
    sleep,
)

BACKENDS = ("asyncio", "trio")
both = pytest.mark.parametrize("backend", BACKENDS)


async def fail(error: BaseException) -> None:
    await checkpoint()
    raise error


async def fail_late(error: BaseException) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        raise error


async def give(value: object) -> object:
    await checkpoint()
    return value


async def one_failure_comes_bare_with_its_own_cause() -> None:
    error, cause = ValueError("bare"), KeyError("cause")
    error.__cause__ = cause
    with pytest.raises(ValueError, match="bare") as caught:
        async with TaskGroup() as tg:
            sibling = tg.spawn(anyio.sleep_forever)
            tg.start_soon(fail, error)
    assert caught.value is error
    assert error.__cause__ is cause
    assert sibling.state is TaskState.CANCELLED


async def several_failures_come_as_a_group() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with TaskGroup() as tg:
            tg.start_soon(fail_late, KeyError("late"))
            await anyio.wait_all_tasks_blocked()
            tg.start_soon(fail, ValueError("early"))
    assert [type(error) for error in caught.value.exceptions] == [ValueError, KeyError]


async def a_strict_group_always_raises_a_group() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with TaskGroup(strict=True) as tg:
            tg.start_soon(fail, ValueError())
    assert len(caught.value.exceptions) == 1


async def the_bodys_failure_counts_like_a_tasks() -> None:
    with pytest.raises(KeyError):
        async with TaskGroup() as tg:
            tg.start_soon(anyio.sleep_forever)
            raise KeyError


async def a_failure_beats_the_cancellation_around_it() -> None:
    with pytest.raises(ValueError, match="cleanup"), anyio.CancelScope() as scope:
        async with TaskGroup() as tg:
            tg.start_soon(fail_late, ValueError("cleanup"))
            await anyio.wait_all_tasks_blocked()
            scope.cancel()


async def an_exit_leaves_bare_after_the_siblings() -> None:
    with pytest.raises(SystemExit):
        async with TaskGroup() as tg:
            sibling = tg.spawn(anyio.sleep_forever)
            tg.start_soon(fail, SystemExit(3))
    assert sibling.state == "cancelled"


async def its_own_deadline_is_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        async with create_task_group() as tg:
            tg.cancel_scope.deadline = current_time() + 0.001
            tg.start_soon(anyio.sleep_forever)


async def a_deadline_that_cut_nothing_short_is_none() -> None:
    async def finish_anyway() -> None:
        with anyio.CancelScope(shield=True):
            await sleep(0.003)

    async with TaskGroup() as tg:
        tg.cancel_scope.deadline = current_time() + 0.001
        handle = tg.spawn(finish_anyway)
    assert handle.state == "completed"


async def cancelling_by_hand_is_no_timeout() -> None:
    for on_timeout, by_hand in (("raise", True), ("silent", False)):
        async with TaskGroup(on_timeout=on_timeout) as tg:
            tg.start_soon(anyio.sleep_forever)
            if by_hand:
                tg.cancel_scope.cancel()
            tg.cancel_scope.deadline = current_time()


async def giving_up_on_a_wait_leaves_the_task_alone() -> None:
    async with TaskGroup() as tg:
        done = anyio.Event()
        handle = tg.spawn(done.wait)
        with pytest.raises(TimeoutError):
            await handle.wait(timeout=0.001)
        with anyio.move_on_after(0.001):
            await handle.wait()
        assert not handle.done
        done.set()
        await handle.wait()
    assert handle.state == "completed"


async def a_handle_tells_the_whole_life() -> None:
    async with TaskGroup() as tg:
        handle = tg.spawn(give, 5)
        assert handle.state is TaskState.PENDING
        with pytest.raises(anyio.TaskNotFinished):
            handle.result()
        assert await handle.wait() == handle.result() == 5
        assert handle.exception() is None
        coroutine = tg.spawn(give(6), name="six")
        assert coroutine.name == "six"
        assert await coroutine.wait() == 6
        cancelled = tg.spawn(anyio.sleep_forever)
        cancelled.cancel()
        with pytest.raises(anyio.TaskCancelled):
            await cancelled.wait()
        assert cancelled.done
        # Cancelled alone: the group goes on.
        assert await tg.spawn(give, 7).wait() == 7


async def start_waits_until_ready_and_raises_what_came_before() -> None:
    async def serve(port: int, *, task_status: anyio.abc.TaskStatus[int]) -> None:
        await checkpoint()
        task_status.started(port + 1)
        await anyio.sleep_forever()

    async def refuse(*, task_status: anyio.abc.TaskStatus[int]) -> None:
        raise ConnectionError

    async def forget(*, task_status: anyio.abc.TaskStatus[int]) -> None:
        await checkpoint()

    async with TaskGroup() as tg:
        assert await tg.start(serve, 8000) == 8001
        with pytest.raises(ConnectionError):
            await tg.start(refuse)
        with pytest.raises(RuntimeError, match="started"):
            await tg.start(forget)
        tg.cancel_scope.cancel()


async def a_task_that_fails_once_ready_is_the_groups() -> None:
    async def serve(*, task_status: anyio.abc.TaskStatus[None]) -> None:
        task_status.started()
        await fail(ValueError("after"))

    with pytest.raises(ValueError, match="after"):
        async with TaskGroup() as tg:
            await tg.start(serve)
            await anyio.sleep_forever()


async def a_wrapped_group_goes_by_its_own_rules() -> None:
    with pytest.raises(ExceptionGroup):
        async with anyio.create_task_group() as inner:
            tg = TaskGroup(inner)
            tg.start_soon(fail, ValueError())
            handle = tg.spawn(give, 1)
    assert handle.done
    with pytest.raises(ValueError):
        async with TaskGroup(anyio.create_task_group()) as tg:
            tg.start_soon(fail, ValueError())


async def a_group_not_entered_refuses_and_closes() -> None:
    tg = TaskGroup()
    for use in (
        lambda: tg.spawn(give(1)),
        lambda: tg.start_soon(give, 1),
        lambda: tg.cancel_scope,
    ):
        with pytest.raises(RuntimeError, match="async with TaskGroup"):
            use()
    async with tg:
        pass
    with pytest.raises(RuntimeError, match="has ended"):
        tg.spawn(give(1))
    with pytest.raises(RuntimeError, match="entered once"):
        async with tg:
            pass


async def wrong_work_is_refused_and_closed() -> None:
    async with TaskGroup() as tg:
        with pytest.raises(TypeError, match=r"write f, not f\(\)"):
            tg.start_soon(give(1))
        with pytest.raises(TypeError, match="async function"):
            tg.spawn(len, "abc")
        with pytest.raises(TypeError, match=r"spawn\(f, x\)"):
            tg.spawn(give(1), 2)
        assert current_task() == anyio.get_current_task()


SCENARIOS = [
    one_failure_comes_bare_with_its_own_cause,
    several_failures_come_as_a_group,
    a_strict_group_always_raises_a_group,
    the_bodys_failure_counts_like_a_tasks,
    a_failure_beats_the_cancellation_around_it,
    an_exit_leaves_bare_after_the_siblings,
    its_own_deadline_is_a_timeout,
    a_deadline_that_cut_nothing_short_is_none,
    cancelling_by_hand_is_no_timeout,
    giving_up_on_a_wait_leaves_the_task_alone,
    a_handle_tells_the_whole_life,
    start_waits_until_ready_and_raises_what_came_before,
    a_task_that_fails_once_ready_is_the_groups,
    a_wrapped_group_goes_by_its_own_rules,
    a_group_not_entered_refuses_and_closes,
    wrong_work_is_refused_and_closed,
]


@both
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_task_group(scenario, backend) -> None:
    anyio.run(scenario, backend=backend)


def test_nothing_runs_outside() -> None:
    assert current_task() is None


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ValueError, match="on_timeout must be"):
        TaskGroup(on_timeout="ignore")
    with pytest.raises(TypeError, match=r"wraps an anyio\.abc\.TaskGroup"):
        TaskGroup(TaskGroup())


async def a_block_whose_task_was_cut_short_does_not_go_on() -> None:
    went_on = False
    with pytest.raises(TimeoutError):
        with anyio.fail_after(0):
            async with TaskGroup() as tg:
                tg.start_soon(checkpoint)
                with anyio.CancelScope(shield=True):
                    await sleep(1)
            went_on = True
    assert not went_on


@both
def test_a_block_whose_task_was_cut_short_does_not_go_on(backend: str) -> None:
    simclock.run(a_block_whose_task_was_cut_short_does_not_go_on, backend=backend)
