"""Tasks that end before the block that started them does."""

from __future__ import annotations

import contextlib

import anyio
import pytest
from explored.table import scenario

from concurrency import (
    CancelScope,
    TaskGroup,
    TaskState,
    checkpoint,
    create_task_group,
    current_task,
    current_time,
    sleep,
)


class Crew:
    """Counts who works, with a clean-up that takes time."""

    def __init__(self) -> None:
        self.working = 0

    async def work(self, seconds: float = 1, error: Exception | None = None) -> float:
        assert current_task() is not None
        self.working += 1
        try:
            await sleep(seconds)
            if error is not None:
                raise error
            return seconds
        finally:
            with CancelScope(shield=True):
                await checkpoint()
            self.working -= 1


@scenario(
    "TaskGroup", "create_task_group", "checkpoint", "current_task", "current_time", "sleep"
)  # fmt: skip
async def no_task_outlives_its_group(make=create_task_group) -> None:
    crew = Crew()
    try:
        async with make() as tg:
            tg.start_soon(crew.work)
            tg.start_soon(crew.work, 2)
            await crew.work(1)
    finally:
        assert crew.working == 0


@scenario("TaskGroup")
async def a_failure_ends_the_siblings_and_is_raised_once(make=TaskGroup) -> None:
    crew = Crew()
    errors = [ValueError("first"), OSError("second")]
    caught: list[BaseException] = []
    try:
        async with make() as tg:
            for number, error in enumerate(errors, start=1):
                tg.start_soon(crew.work, number, error)
            tg.start_soon(anyio.sleep, 100)
    except (ValueError, OSError) as error:
        caught.append(error)
    except ExceptionGroup as group:
        caught.extend(group.exceptions)
    finally:
        assert crew.working == 0
        assert len(set(caught)) == len(caught)
        assert set(caught) <= set(errors)


@scenario("TaskGroup", "TaskHandle", "TaskState", cancel=(False, True))
async def giving_up_on_a_wait_leaves_the_task_alone(make=TaskGroup) -> None:
    crew = Crew()
    async with make() as tg:
        handle = tg.spawn(crew.work, 2)
        with contextlib.suppress(TimeoutError):
            await handle.wait(timeout=1)
        assert await handle.wait() == 2
    assert crew.working == 0
    assert handle.state is TaskState.COMPLETED


@scenario("TaskHandle", "TaskState", "TaskGroup")
async def a_cancelled_handle_ends_its_task_alone(make=TaskGroup) -> None:
    crew = Crew()
    async with make() as tg:
        doomed, other = tg.spawn(crew.work, 5), tg.spawn(crew.work, 2)
        await sleep(1)
        doomed.cancel()
        try:
            await doomed.wait()
            assert current_time() >= 5, "it ended in its own time, or not at all"
        except anyio.TaskCancelled:
            assert doomed.state is TaskState.CANCELLED
    assert crew.working == 0
    assert other.done


@scenario("TaskGroup", cancel=(False, True))
async def starting_waits_until_ready_or_owns_the_failure(make=TaskGroup) -> None:
    crew = Crew()
    ready: list[str] = []

    async def serve(name: str, *, task_status) -> None:
        crew.working += 1
        try:
            await sleep(1)
            ready.append(name)
            task_status.started(name)
            await sleep(1)
        finally:
            crew.working -= 1

    async def fail(*, task_status) -> None:
        await sleep(1)
        raise ValueError("never ready")

    try:
        async with make() as tg:
            assert await tg.start(serve, "server") in ready
            with pytest.raises(ValueError):
                await tg.start(fail)
    finally:
        assert crew.working == 0


@scenario("TaskGroup", "CancelScope")
async def a_groups_own_deadline_is_a_timeout(make=TaskGroup) -> None:
    crew = Crew()
    ended = timed_out = False
    try:
        async with make() as tg:
            tg.cancel_scope.deadline = current_time() + 1
            tg.start_soon(crew.work, 1)
            ended = await crew.work(1) == 1
    except TimeoutError:
        timed_out = True
    finally:
        assert crew.working == 0
    assert ended or timed_out
