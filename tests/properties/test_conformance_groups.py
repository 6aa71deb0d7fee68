"""The kit for task groups passes what is right, and catches a planted violation of each promise."""

from __future__ import annotations

import asyncio
import contextlib

import anyio
import pytest
import trio

import concurrency
from properties import conformance
from simclock import UsageError


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


RIGHT = {
    "ours": lambda **o: conformance.task_group(concurrency.create_task_group, shape="either", **o),
    "ours, strict": lambda **o: conformance.task_group(
        lambda: concurrency.TaskGroup(strict=True), **o
    ),
    "anyio's": lambda **o: conformance.task_group(anyio.create_task_group, **o),
}


@pytest.mark.parametrize("name", list(RIGHT))
def test_a_right_group_keeps_every_promise(name, backend):
    RIGHT[name](backend=backend, schedules=50).assert_kept()


def test_trios_nursery_keeps_every_promise():
    conformance.task_group(trio.open_nursery, backend="trio", schedules=50).assert_kept()


def test_asyncios_group_keeps_every_promise_under_native_cancellation():
    conformance.task_group(asyncio.TaskGroup, style="asyncio", schedules=50).assert_kept()


class Delegating:
    """A group that is right: planted violations change one thing of it."""

    def __init__(self):
        self.group = anyio.create_task_group()

    async def __aenter__(self):
        await self.group.__aenter__()
        return self

    async def __aexit__(self, *exc):
        return await self.group.__aexit__(*exc)

    def start_soon(self, function):
        self.group.start_soon(function)


class HurriesChildren(Delegating):
    async def __aexit__(self, *exc):
        self.group.cancel_scope.cancel()
        return await super().__aexit__(*exc)


class LetsSiblingsRun(Delegating):
    def __init__(self):
        super().__init__()
        self.failures = []

    def start_soon(self, function):
        async def kept():
            try:
                await function()
            except Exception as error:
                self.failures.append(error)

        self.group.start_soon(kept)

    async def __aexit__(self, *exc):
        await super().__aexit__(*exc)
        if self.failures:
            raise ExceptionGroup("failures", self.failures)


class WaitsForChildrenOfAFailedBody(Delegating):
    async def __aexit__(self, kind, error, traceback):
        await self.group.__aexit__(None, None, None)
        if error is not None:
            raise ExceptionGroup("failures", [error])


class LosesTheSecondFailure(Delegating):
    async def __aexit__(self, *exc):
        try:
            return await super().__aexit__(*exc)
        except ExceptionGroup as group:
            raise ExceptionGroup("failures", group.exceptions[:1]) from None


class ComesBare(Delegating):
    async def __aexit__(self, *exc):
        try:
            return await super().__aexit__(*exc)
        except ExceptionGroup as group:
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise


class ComesAsMoreThanItIs(Delegating):
    async def __aexit__(self, *exc):
        try:
            return await super().__aexit__(*exc)
        except ExceptionGroup as group:
            raise Louder("failures", group.exceptions) from None


class Louder(BaseExceptionGroup):
    def __new__(cls, message, exceptions):
        # BaseExceptionGroup itself would make an ExceptionGroup of these.
        return super().__new__(cls, message, exceptions)


class SwallowsTheCancellation(Delegating):
    async def __aenter__(self):
        # A group of its own around it is cancelled in place of the caller.
        self.scope = anyio.CancelScope(deadline=anyio.current_effective_deadline() - 1)
        self.scope.__enter__()
        return await super().__aenter__()

    async def __aexit__(self, *exc):
        raised = None
        try:
            await super().__aexit__(*exc)
        except BaseException as error:
            raised = error
        if self.scope.__exit__(type(raised), raised, None) or raised is None:
            return True
        raise raised


class ShieldsItsChildren(Delegating):
    def start_soon(self, function):
        async def shielded():
            with anyio.CancelScope(shield=True):
                await function()

        self.group.start_soon(shielded)


class NeverCloses(Delegating):
    def start_soon(self, function):
        with contextlib.suppress(RuntimeError):
            super().start_soon(function)


class Detaches:
    """asyncio only: a group that leaves its tasks behind when it is cancelled itself."""

    def __init__(self):
        self.tasks = []

    async def __aenter__(self):
        return self

    def create_task(self, coroutine):
        if self.tasks is None:
            raise RuntimeError("closed")
        self.tasks.append(asyncio.create_task(coroutine))

    async def __aexit__(self, *exc):
        await asyncio.wait(self.tasks)
        self.tasks = None


GROUPS = [
    ("waits", HurriesChildren),
    ("siblings", LetsSiblingsRun),
    ("siblings", ComesBare),
    ("body", WaitsForChildrenOfAFailedBody),
    ("failures", LosesTheSecondFailure),
    ("failures", ComesAsMoreThanItIs),
    ("cancelled", SwallowsTheCancellation),
    ("cancelled", ShieldsItsChildren),
    ("closed", NeverCloses),
]


@pytest.mark.parametrize(("promise", "planted"), GROUPS)
def test_a_violation_of_a_groups_promise_is_caught(promise, planted, backend):
    report = conformance.task_group(planted, backend=backend, schedules=25)

    assert promise in report.broken, str(report)


def test_a_group_that_leaves_tasks_behind_is_caught():
    report = conformance.task_group(Detaches, style="asyncio")

    assert "left behind" in report.broken, str(report)


def test_a_shape_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="shape is 'group', 'bare' or 'either', not 'round'"):
        conformance.task_group(anyio.create_task_group, shape="round")
