"""Every promise of a kit has a planted violation that the kit catches."""

from __future__ import annotations

from collections import deque

import anyio
import pytest
from anyio.lowlevel import checkpoint

import simclock
from properties import conformance
from properties.conformance import ConformanceError


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


# Planted violations, each with the promise that it breaks.


class Turnstile:
    """A right lock in the fewest lines, for planted violations to start from."""

    def __init__(self, permits=1):
        self.permits = permits
        self.line = deque()

    async def acquire(self):
        if self.permits:
            self.permits -= 1
            return
        self.line.append(event := anyio.Event())
        try:
            await event.wait()
        except BaseException:
            if event.is_set():
                self.release()
            else:
                self.line.remove(event)
            raise

    def release(self):
        if self.line:
            self.line.popleft().set()
        else:
            self.permits += 1


class LooksTwice(Turnstile):
    async def acquire(self):
        while not self.permits:
            await checkpoint()
        await checkpoint()
        self.permits -= 1


class DropsWhatItWasHanded(Turnstile):
    async def acquire(self):
        if self.permits:
            self.permits -= 1
            return
        self.line.append(event := anyio.Event())
        try:
            await event.wait()
        except BaseException:
            if not event.is_set():
                self.line.remove(event)
            raise


class LastComeFirstServed(Turnstile):
    def release(self):
        if self.line:
            self.line.pop().set()
        else:
            self.permits += 1


class StaysInLine(Turnstile):
    async def acquire(self):
        if self.permits:
            self.permits -= 1
            return
        self.line.append(event := anyio.Event())
        await event.wait()


class OpensBySurprise:
    """An event whose waits end after a while."""

    def __init__(self):
        self.event = anyio.Event()

    def set(self):
        self.event.set()

    async def wait(self):
        for _ in range(3):
            if self.event.is_set():
                return
            await checkpoint()


class ForgetsThatItIsSet:
    """An event that wakes those who wait, and is closed again for those who come."""

    def __init__(self):
        self.waiting = []

    def set(self):
        for event in self.waiting:
            event.set()
        self.waiting.clear()

    async def wait(self):
        self.waiting.append(event := anyio.Event())
        await event.wait()


class WakesOnlyOne:
    """An event that wakes whoever came first, who may have given up, and shows itself set."""

    def __init__(self):
        self.waiting, self.is_set = [], False

    def set(self):
        self.is_set = True
        for event in self.waiting[:2]:
            event.set()

    async def wait(self):
        if not self.is_set:
            self.waiting.append(event := anyio.Event())
            await event.wait()


class LosesNotifications:
    """A condition whose cancelled waiters keep the notification they had."""

    def __init__(self):
        self.lock, self.line = anyio.Lock(), deque()

    async def acquire(self):
        await self.lock.acquire()

    def release(self):
        self.lock.release()

    def notify(self):
        if self.line:
            self.line.popleft().set()

    async def wait(self):
        self.line.append(event := anyio.Event())
        self.lock.release()
        try:
            await event.wait()
        finally:
            if event in self.line:
                self.line.remove(event)
            with anyio.CancelScope(shield=True):
                await self.lock.acquire()


class WakesBeforeItIsToldTo(LosesNotifications):
    async def wait(self):
        self.lock.release()
        await checkpoint()
        await self.lock.acquire()


class LeavesWithoutTheLock(LosesNotifications):
    async def wait(self):
        self.line.append(event := anyio.Event())
        self.lock.release()
        await event.wait()
        await self.lock.acquire()

    def release(self):
        if self.lock.locked():
            try:
                self.lock.release()
            except RuntimeError:
                pass


class BarrierBase:
    def __init__(self):
        self.came, self.event = 0, anyio.Event()

    async def wait(self):
        place, event = self.came, self.event
        self.came += 1
        if self.came == 3:
            self.came, self.event = 0, anyio.Event()
            event.set()
        await self.pause(event)
        return place

    async def pause(self, event):
        await event.wait()


class OpensAfterAWhile(BarrierBase):
    async def pause(self, event):
        with anyio.move_on_after(5):
            await event.wait()


class GivesOnePlaceTwice(BarrierBase):
    async def wait(self):
        return min(await super().wait(), 1)


class BreaksForSome(BarrierBase):
    """Counts who has left, so that it opens for fewer; fails for one of them."""

    failed = False

    async def wait(self):
        try:
            return await super().wait()
        except BaseException:
            self.failed = True
            raise
        finally:
            if self.failed and self.came == 0:
                self.failed = False
                raise RuntimeError("broken for one")


PROMISES = {
    conformance.lock: ["exclusion", "handed on", "timeouts", "fair", "sequential", "owned"],
    conformance.semaphore: ["limit", "conserved", "timeouts", "sequential"],
    conformance.limiter: ["limit", "conserved", "timeouts", "sequential", "owned"],
    conformance.event: ["closed", "open", "timeouts"],
    conformance.condition: ["sequential", "notified", "locked"],
    conformance.barrier: ["opens", "closed", "timeouts"],
}


def only(kit, factory, promise, **options):
    others = [each for each in PROMISES[kit] if each != promise]
    return kit(factory, without=others, schedules=200, **options)


PLANTED = [
    ("exclusion", lambda p, **o: only(conformance.lock, LooksTwice, p, **o)),
    ("handed on", lambda p, **o: only(conformance.lock, DropsWhatItWasHanded, p, **o)),
    ("timeouts", lambda p, **o: only(conformance.lock, StaysInLine, p, **o)),
    ("fair", lambda p, **o: only(conformance.lock, LastComeFirstServed, p, **o)),
    ("sequential", lambda p, **o: only(conformance.lock, LooksTwice, p, **o)),
    ("owned", lambda p, **o: only(conformance.lock, Turnstile, p, **o)),
    ("limit", lambda p, **o: only(conformance.semaphore, lambda: LooksTwice(2), p, **o)),
    (
        "conserved",
        lambda p, **o: only(conformance.semaphore, lambda: DropsWhatItWasHanded(2), p, **o),
    ),
    (
        "timeouts",
        lambda p, **o: only(conformance.semaphore, lambda: StaysInLine(1), p, permits=1, **o),
    ),
    ("sequential", lambda p, **o: only(conformance.semaphore, lambda: LooksTwice(2), p, **o)),
    ("limit", lambda p, **o: only(conformance.limiter, lambda: LooksTwice(2), p, **o)),
    (
        "conserved",
        lambda p, **o: only(conformance.limiter, lambda: DropsWhatItWasHanded(2), p, **o),
    ),
    (
        "timeouts",
        lambda p, **o: only(conformance.limiter, lambda: StaysInLine(1), p, tokens=1, **o),
    ),
    ("owned", lambda p, **o: only(conformance.limiter, lambda: Turnstile(2), p, **o)),
    ("closed", lambda p, **o: only(conformance.event, OpensBySurprise, p, **o)),
    ("open", lambda p, **o: only(conformance.event, ForgetsThatItIsSet, p, **o)),
    ("timeouts", lambda p, **o: only(conformance.event, WakesOnlyOne, p, **o)),
    ("sequential", lambda p, **o: only(conformance.condition, WakesBeforeItIsToldTo, p, **o)),
    ("notified", lambda p, **o: only(conformance.condition, LosesNotifications, p, **o)),
    ("locked", lambda p, **o: only(conformance.condition, LeavesWithoutTheLock, p, **o)),
    ("opens", lambda p, **o: only(conformance.barrier, GivesOnePlaceTwice, p, **o)),
    ("closed", lambda p, **o: only(conformance.barrier, OpensAfterAWhile, p, **o)),
    ("timeouts", lambda p, **o: only(conformance.barrier, BreaksForSome, p, **o)),
    ("sequential", lambda p, **o: only(conformance.limiter, lambda: LooksTwice(2), p, **o)),
]


@pytest.mark.parametrize(("promise", "examine"), PLANTED)
def test_a_planted_violation_is_caught(promise, examine, backend):
    report = examine(promise, backend=backend)

    assert report.broken == (promise,), str(report)


def test_a_turnstile_that_anybody_may_release_is_right_but_for_that(backend):
    conformance.lock(Turnstile, backend=backend, schedules=100, without=["owned"]).assert_kept()


def test_a_failure_names_the_promise_and_replays(backend):
    report = conformance.lock(LooksTwice, backend=backend, name="a leaky lock")

    with pytest.raises(ConformanceError) as caught:
        report.assert_kept()

    assert str(caught.value).startswith(
        "a leaky lock does not keep a promise of a lock: exclusion\n"
    )
    assert f"replay: simclock.replay(_scenario, schedule='s1:{backend}" in str(caught.value)


def test_a_report_has_a_line_for_each_verdict(backend):
    report = conformance.lock(
        anyio.Lock, backend=backend, schedules=5, name="a lock", without=["fair"]
    )

    lines = str(report).splitlines()

    assert lines[0] == "lock: a lock"
    assert lines[1] == f"  kept    exclusion ({backend}, 5 schedules)"
    assert len(lines) == 6


def test_verdicts_carry_the_failure_itself(backend):
    report = conformance.lock(LooksTwice, backend=backend, schedules=200)

    failure = next(v.failure for v in report.verdicts if not v.kept)

    assert isinstance(failure, simclock.Failure)
    assert failure.schedule.backend == backend
