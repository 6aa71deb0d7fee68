"""Checks of task groups, their tasks and handles."""

# ruff: noqa: PT017 - These programs run without pytest.

from __future__ import annotations

import asyncio
from functools import partial

import anyio
import pytest
from checking import NATIVE, explored, kit, scenarios

import concurrency
from concurrency import (
    CancelScope,
    TaskGroup,
    TaskState,
    checkpoint,
    current_time,
    move_on_after,
    sleep,
)
from properties import conformance


class Interrupt(BaseException):
    """No Exception, as KeyboardInterrupt, which would end the search itself."""


class Work:
    """Tasks that note how they end."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    async def after(self, seconds: float, error: BaseException | None = None) -> float:
        try:
            await sleep(seconds)
        except BaseException:
            self.ends.append(f"{seconds} cancelled")
            raise
        self.ends.append(f"{seconds} ended")
        if error is not None:
            raise error
        return seconds

    async def slow_to_leave(self, seconds: float, error: BaseException) -> None:
        try:
            await sleep(seconds)
        finally:
            with CancelScope(shield=True):
                await sleep(1)
            raise error


async def leaving_the_block_waits_for_every_task() -> None:
    work = Work()
    async with TaskGroup() as tg:
        for seconds in (3, 1, 2):
            tg.start_soon(work.after, seconds)
    assert work.ends == ["1 ended", "2 ended", "3 ended"]


async def one_failure_comes_bare_and_ends_the_rest() -> None:
    work, error = Work(), OSError("mine")
    try:
        async with TaskGroup() as tg:
            tg.start_soon(work.after, 1, error)
            tg.start_soon(work.after, 50)
            await work.after(60)
    except OSError as raised:
        assert raised is error
    else:
        raise AssertionError("the failure was swallowed")
    assert sorted(work.ends) == ["1 ended", "50 cancelled", "60 cancelled"]
    assert current_time() == 1


async def a_failure_of_the_block_ends_its_tasks() -> None:
    work, error = Work(), OSError("mine")
    try:
        async with TaskGroup() as tg:
            tg.start_soon(work.after, 50)
            await checkpoint()
            await sleep(1)
            raise error
    except OSError as raised:
        assert raised is error
    else:
        raise AssertionError("the failure was swallowed")
    assert work.ends == ["50 cancelled"]
    assert current_time() == 1


async def several_failures_come_as_a_group_in_the_order_of_their_time() -> None:
    work = Work()
    errors = [OSError("first"), ValueError("second"), LookupError("third")]
    try:
        async with TaskGroup() as tg:
            tg.start_soon(work.after, 1, errors[0])
            tg.start_soon(work.slow_to_leave, 50, errors[1])
            try:
                await sleep(60)
            finally:
                with CancelScope(shield=True):
                    await sleep(5)
                raise errors[2]
    except ExceptionGroup as group:
        raised = list(group.exceptions)
    else:
        raise AssertionError("the failures were swallowed")
    assert raised == errors, f"{raised}"


async def a_strict_group_raises_a_group() -> None:
    try:
        async with TaskGroup(strict=True) as tg:
            tg.start_soon(Work().after, 1, OSError())
    except ExceptionGroup as group:
        assert [type(each) for each in group.exceptions] == [OSError]
    else:
        raise AssertionError("the failure was swallowed")


async def a_groups_deadline_is_a_timeout_if_it_cut_work_short() -> None:
    work = Work()
    for on_timeout in ("raise", "silent"):
        began, timed_out = current_time(), False
        try:
            async with TaskGroup(on_timeout=on_timeout) as tg:
                tg.cancel_scope.deadline = began + 1
                tg.start_soon(work.after, 50)
        except TimeoutError:
            timed_out = True
        assert timed_out == (on_timeout == "raise")
        assert current_time() == began + 1

    async def late() -> None:
        with CancelScope(shield=True):
            await sleep(2)

    async with TaskGroup() as tg:
        tg.cancel_scope.deadline = current_time() + 1
        tg.start_soon(late)  # It gets done in spite of the deadline.
    async with TaskGroup() as tg:
        tg.cancel_scope.deadline = current_time() + 5
        tg.start_soon(work.after, 50)
        await sleep(1)
        tg.cancel_scope.cancel()
    async with TaskGroup() as tg:
        tg.cancel_scope.deadline = current_time() + 1
        doomed = tg.spawn(work.after, 50)
        tg.start_soon(late)
        await checkpoint()
        doomed.cancel()


async def a_handle_tells_what_became_of_its_task() -> None:
    work = Work()
    async with TaskGroup() as tg:
        good, doomed = tg.spawn(work.after, 2), tg.spawn(work.after, 50)
        assert good.state is TaskState.PENDING or good.state is TaskState.RUNNING
        try:
            await good.wait(timeout=1)
        except TimeoutError:
            assert current_time() == 1, "it waited longer than it was told to"
        else:
            raise AssertionError("a wait whose time was over has an answer")
        assert not good.done
        assert await good.wait() == 2
        assert not doomed.done
        doomed.cancel()
        try:
            await doomed.wait()
        except anyio.TaskCancelled:
            pass
        else:
            raise AssertionError("a cancelled task has a result")
        assert doomed.done
        assert doomed.state is TaskState.CANCELLED
        assert current_time() == 2
    assert (good.state, good.result()) == (TaskState.COMPLETED, 2)
    assert work.ends == ["2 ended", "50 cancelled"]


async def a_failed_handle_has_its_error() -> None:
    error = OSError()
    with pytest.raises(OSError):
        async with TaskGroup() as tg:
            handle = tg.spawn(Work().after, 1, error)
    assert handle.state is TaskState.FAILED
    assert handle.exception() is error


async def start_waits_until_the_task_is_ready() -> None:
    work = Work()

    async def serve(*, task_status, error=None) -> None:
        await sleep(1)
        task_status.started("ready")
        await work.after(2, error)

    async def fail(*, task_status) -> None:
        await sleep(1)
        raise LookupError("too early")

    async with TaskGroup() as tg:
        assert await tg.start(serve) == "ready"
        assert current_time() == 1
        try:
            await tg.start(fail)
        except LookupError:
            assert not tg.cancel_scope.cancel_called, "the failure was the group's as well"
        else:
            raise AssertionError("a task that was never ready failed unheard")
    assert work.ends == ["2 ended"]
    error = OSError()

    async def serve_and_fail(*, task_status) -> None:
        await serve(task_status=task_status, error=error)

    with pytest.raises(OSError) as caught:
        async with TaskGroup() as tg:
            await tg.start(serve_and_fail)
    assert caught.value is error, "a failure after it was ready is the group's, and bare"


async def a_group_that_has_ended_takes_no_tasks() -> None:
    async with TaskGroup() as tg:
        pass
    try:
        tg.start_soon(checkpoint)
    except RuntimeError as refused:
        assert "has ended" in str(refused)
    else:
        raise AssertionError("a task was started in a group that has ended")


async def an_outer_cancellation_passes_through() -> None:
    for tasks in (1, 0):
        work, after, began = Work(), False, current_time()
        with move_on_after(1) as scope:
            async with TaskGroup() as tg:
                for _ in range(tasks):
                    tg.start_soon(work.after, 50)
                await sleep(60)
            after = True
        assert scope.cancelled_caught
        assert not after, "the group swallowed the cancellation"
        assert work.ends == ["50 cancelled"] * tasks
        assert current_time() == began + 1


async def a_task_cancelled_natively_ends_alone() -> None:
    work, tasks = Work(), []

    async def note(seconds: float) -> None:
        tasks.append(asyncio.current_task())
        await work.after(seconds)

    async with TaskGroup() as tg:
        doomed, other = tg.spawn(note, 50), tg.spawn(work.after, 3)
        await sleep(1)
        tasks[0].cancel()
        await sleep(1)
        assert doomed.state is TaskState.CANCELLED
        assert not tg.cancel_scope.cancel_called, "the group was ended with it"
    assert other.result() == 3


async def a_block_whose_task_was_cut_short_does_not_go_on() -> None:
    cut_short = went_on = False

    async def child() -> None:
        nonlocal cut_short
        try:
            await checkpoint()
        except anyio.get_cancelled_exc_class():
            cut_short = True
            raise

    with CancelScope() as scope:
        scope.cancel()
        async with TaskGroup() as tg:
            tg.start_soon(child)
            with CancelScope(shield=True):
                await sleep(1)  # Until then the task has ended, and nobody waits for it.
        went_on = True
    assert not (cut_short and went_on)


async def a_task_that_never_began_is_no_success() -> None:
    before = asyncio.all_tasks()
    try:
        async with TaskGroup() as tg:
            handle = tg.spawn(Work().after, 1)
            (new,) = asyncio.all_tasks() - before
            new.cancel()
    except anyio.TaskCancelled:
        assert handle.state is TaskState.CANCELLED
    else:
        assert handle.state is TaskState.COMPLETED, "nobody was told that the group was cut short"


CHECKS = (
    kit(partial(conformance.task_group, concurrency.create_task_group, shape="either")),
    kit(partial(conformance.task_group, lambda: TaskGroup(strict=True)), note="strict"),
    explored(leaving_the_block_waits_for_every_task, stalls=0),
    explored(one_failure_comes_bare_and_ends_the_rest, stalls=0),
    explored(a_failure_of_the_block_ends_its_tasks, stalls=0),
    explored(several_failures_come_as_a_group_in_the_order_of_their_time, stalls=0),
    explored(a_strict_group_raises_a_group),
    explored(a_groups_deadline_is_a_timeout_if_it_cut_work_short, stalls=0),
    explored(a_handle_tells_what_became_of_its_task, stalls=0),
    explored(a_failed_handle_has_its_error),
    explored(start_waits_until_the_task_is_ready, stalls=0),
    explored(a_group_that_has_ended_takes_no_tasks),
    explored(an_outer_cancellation_passes_through, stalls=0),
    explored(a_block_whose_task_was_cut_short_does_not_go_on, stalls=0),
    explored(a_task_cancelled_natively_ends_alone, backends=NATIVE, stalls=0),
    explored(a_task_that_never_began_is_no_success, backends=NATIVE, stalls=0),
    *scenarios("groups"),
    *scenarios("natively"),
)
