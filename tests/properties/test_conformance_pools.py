"""The kit for pools passes what is right, and catches a planted violation of each promise."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field

import anyio
import pytest

import concurrency
from properties import conformance
from simclock import UsageError


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


class Limited:
    """A right pool whose calls are made by their callers' own tasks."""

    def __init__(self, limit=2):
        self.limiter = self.make_limiter(limit)
        self.calls, self.closed, self.idle = 0, False, None

    def make_limiter(self, limit):
        return concurrency.Semaphore(limit)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc_info):
        self.closed = True
        if self.calls:
            self.idle = anyio.Event()
            await self.idle.wait()

    async def run(self, function):
        if self.closed:
            raise RuntimeError("this pool was left")
        self.calls += 1
        try:
            return await self.work(function)
        finally:
            self.calls -= 1
            if self.idle and not self.calls:
                self.idle.set()

    async def work(self, function):
        async with self.limiter:
            return await function()


class NativeLimited(Limited):
    def make_limiter(self, limit):
        return asyncio.Semaphore(limit)


@dataclass(eq=False)
class Job:
    function: object
    done: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    result: object = None
    error: Exception | None = None


class Workers:
    """A right pool whose calls are made by tasks of its own."""

    def __init__(self, limit=2):
        self.limit, self.closed = limit, True

    async def __aenter__(self):
        self.send, self.receive = anyio.create_memory_object_stream(math.inf)
        self.group = anyio.create_task_group()
        await self.group.__aenter__()
        self.closed = False
        for _ in range(self.limit):
            self.group.start_soon(self.serve)
        return self

    async def __aexit__(self, *exc_info):
        self.closed = True
        self.send.close()
        self.stop()
        try:
            return await self.group.__aexit__(*exc_info)
        finally:
            self.turn_away()
            self.receive.close()

    def stop(self):
        pass

    def turn_away(self):
        while True:
            try:
                job = self.receive.receive_nowait()
            except (anyio.WouldBlock, anyio.EndOfStream):
                return
            job.error = RuntimeError("this pool was left")
            job.done.set()

    async def serve(self):
        while True:
            try:
                job = await self.receive.receive()
            except anyio.EndOfStream:
                return
            await self.do(job)

    async def do(self, job):
        job.error = RuntimeError("this pool was left")
        try:
            with job.scope:
                job.result = await job.function()
                job.error = None
        except Exception as error:
            job.error = error
        finally:
            job.done.set()

    async def run(self, function):
        if self.closed:
            raise RuntimeError("this pool was left")
        job = Job(function)
        self.send.send_nowait(job)
        try:
            await job.done.wait()
        except BaseException:
            job.scope.cancel()
            raise
        if job.error is not None:
            raise job.error
        return job.result


class Hurried(Workers):
    """Cancels what it has when it is left."""

    def stop(self):
        self.group.cancel_scope.cancel()


RIGHT = {
    "our semaphore": lambda **o: conformance.pool(Limited, **o),
    "of one": lambda **o: conformance.pool(lambda: Limited(1), limit=1, **o),
    "tasks of its own": lambda **o: conformance.pool(Workers, **o),
    "four tasks of its own": lambda **o: conformance.pool(lambda: Workers(4), limit=4, **o),
    "one that cancels": lambda **o: conformance.pool(Hurried, leaving="cancels", **o),
}


@pytest.mark.parametrize("name", list(RIGHT))
def test_a_right_pool_keeps_every_promise(name, backend):
    RIGHT[name](backend=backend, schedules=50).assert_kept()


def test_a_pool_of_asyncios_own_parts_is_right_under_native_cancellation():
    conformance.pool(NativeLimited, style="asyncio", schedules=50).assert_kept()


# Planted violations, each with the promise that it breaks.


class OneTooMany(Limited):
    def make_limiter(self, limit):
        return super().make_limiter(limit + 1)


class OneByOne(Limited):
    def make_limiter(self, limit):
        return super().make_limiter(1)


class InBatches(Limited):
    """Lets the next calls begin when all of those before have ended."""

    inside = 0

    def make_limiter(self, limit):
        self.limit, self.turn = limit, anyio.Condition()

    async def work(self, function):
        async with self.turn:
            while self.inside == self.limit or (self.inside and self.ending):
                await self.turn.wait()
            self.inside, self.ending = self.inside + 1, False
        try:
            return await function()
        finally:
            self.inside, self.ending = self.inside - 1, True
            with anyio.CancelScope(shield=True):
                async with self.turn:
                    self.turn.notify_all()


class KeepsOneResult(Limited):
    async def work(self, function):
        async with self.limiter:
            self.result = await function()
        await anyio.lowlevel.checkpoint()
        return self.result


class TakesFalseForNothing(Limited):
    async def work(self, function):
        return await super().work(function) or "nothing"


class LosesWorkersToErrors(Limited):
    async def work(self, function):
        await self.limiter.acquire()
        result = await function()
        self.limiter.release()
        return result


class LosesWorkersToCancellation(Limited):
    async def work(self, function):
        await self.limiter.acquire()
        try:
            result = await function()
        except Exception:
            self.limiter.release()
            raise
        self.limiter.release()
        return result


class ReturnsErrors(Limited):
    async def work(self, function):
        try:
            return await super().work(function)
        except Exception as error:
            return error


class LosesCallsWithACaller(Workers):
    """A cancelled caller takes along whatever its worker does by then."""

    async def __aenter__(self):
        self.current = None
        return await super().__aenter__()

    async def do(self, job):
        self.current = job
        await super().do(job)

    async def run(self, function):
        try:
            return await super().run(function)
        except Exception:
            raise
        except BaseException:
            if self.current is not None:
                self.current.scope.cancel()
            raise


class LeavesAtOnce(Limited):
    async def __aexit__(self, *exc_info):
        self.closed = True


class StaysOpen(Limited):
    async def __aexit__(self, *exc_info):
        if self.calls:
            self.idle = anyio.Event()
            await self.idle.wait()


class ForgetsItsCallers(Workers):
    """Calls that no worker has begun are nobody's when the pool is left in a hurry."""

    def turn_away(self):
        pass


class LastComeFirstServed(Limited):
    def make_limiter(self, limit):
        self.free, self.line = limit, []

    async def work(self, function):
        if self.free:
            self.free -= 1
        else:
            self.line.append(event := anyio.Event())
            await event.wait()
        try:
            return await function()
        finally:
            if self.line:
                self.line.pop().set()
            else:
                self.free += 1


PROMISES = [
    "limit",
    "busy",
    "results",
    "errors",
    "cancelled",
    "closing",
    "refuses",
    "left early",
    "fair",
]
PLANTED = [
    ("limit", OneTooMany, {}),
    ("busy", OneByOne, {}),
    ("busy", InBatches, {}),
    ("results", KeepsOneResult, {}),
    ("results", TakesFalseForNothing, {}),
    ("errors", LosesWorkersToErrors, {}),
    ("errors", ReturnsErrors, {}),
    ("cancelled", LosesWorkersToCancellation, {}),
    ("cancelled", LosesCallsWithACaller, {}),
    ("closing", LeavesAtOnce, {}),
    ("closing", LeavesAtOnce, {"leaving": "cancels"}),
    ("closing", Hurried, {}),
    ("refuses", StaysOpen, {}),
    ("left early", ForgetsItsCallers, {}),
    ("fair", LastComeFirstServed, {}),
]


@pytest.mark.parametrize(("promise", "planted", "facts"), PLANTED)
def test_a_planted_violation_is_caught(promise, planted, facts, backend):
    others = [each for each in PROMISES if each != promise]

    report = conformance.pool(planted, backend=backend, without=others, **facts)

    assert report.broken == (promise,), str(report)


def test_a_failure_says_how_many_ran(backend):
    report = conformance.pool(OneByOne, backend=backend, schedules=5)

    assert "1 of 7 jobs ran, and 2 may" in str(report)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"limit": 0}, "limit is a whole number from 1 to 20, not 0"),
        ({"limit": 2.0}, "limit is a whole number from 1 to 20, not 2.0"),
        ({"limit": 21}, "of what has more, examine a smaller one of the same kind"),
        ({"leaving": "hurries"}, "leaving is 'waits' or 'cancels', not 'hurries'"),
    ],
)
def test_facts_that_cannot_be_are_refused(facts, message):
    with pytest.raises(UsageError, match=message):
        conformance.pool(Limited, **facts)


def test_a_pool_that_cannot_be_entered_is_refused():
    class Endless:
        async def run(self, function): ...

    with pytest.raises(
        UsageError, match="a pool needs the methods run, __aenter__, __aexit__, and Endless lacks"
    ):
        conformance.pool(Endless)
