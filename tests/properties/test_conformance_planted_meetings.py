"""Every promise of the kits for event, condition and barrier has a planted violation they catch."""

from __future__ import annotations

import asyncio
from collections import deque

import anyio
import pytest
from anyio.lowlevel import checkpoint

from properties import conformance


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


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


class WakesOneOfAll(LosesNotifications):
    def notify_all(self):
        self.notify()


class SwallowsACancellation(LosesNotifications):
    """Takes the lock back whatever comes, and forgets what came."""

    async def wait(self):
        self.line.append(event := anyio.Event())
        self.lock.release()
        await event.wait()
        while True:
            try:
                await self.lock.acquire()
            except anyio.get_cancelled_exc_class():
                continue
            return


class TakesTheLockBackUnshielded(LosesNotifications):
    async def wait(self):
        self.line.append(event := anyio.Event())
        self.lock.release()
        await event.wait()
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


class CountsWhoHasLeft(BarrierBase):
    """A party that is cut off stays counted, so that the barrier opens for fewer."""


class StaysWhole(BarrierBase):
    """A party that is cut off steps back, though that should break the barrier."""

    async def wait(self):
        event = self.event
        try:
            return await super().wait()
        except BaseException:
            if not event.is_set():
                self.came -= 1
            raise


PROMISES = {
    conformance.event: ["closed", "open", "timeouts"],
    conformance.condition: ["sequential", "notified", "locked", "everybody", "cancelled"],
    conformance.barrier: ["opens", "closed", "timeouts", "cut off"],
}


def only(kit, factory, promise, **options):
    others = [each for each in PROMISES[kit] if each != promise]
    return kit(factory, without=others, schedules=200, **options)


PLANTED = [
    ("closed", lambda p, **o: only(conformance.event, OpensBySurprise, p, **o)),
    ("open", lambda p, **o: only(conformance.event, ForgetsThatItIsSet, p, **o)),
    ("timeouts", lambda p, **o: only(conformance.event, WakesOnlyOne, p, **o)),
    ("sequential", lambda p, **o: only(conformance.condition, WakesBeforeItIsToldTo, p, **o)),
    ("notified", lambda p, **o: only(conformance.condition, LosesNotifications, p, **o)),
    ("locked", lambda p, **o: only(conformance.condition, LeavesWithoutTheLock, p, **o)),
    ("everybody", lambda p, **o: only(conformance.condition, WakesOneOfAll, p, **o)),
    ("cancelled", lambda p, **o: only(conformance.condition, TakesTheLockBackUnshielded, p, **o)),
    ("opens", lambda p, **o: only(conformance.barrier, GivesOnePlaceTwice, p, **o)),
    ("closed", lambda p, **o: only(conformance.barrier, OpensAfterAWhile, p, **o)),
    ("timeouts", lambda p, **o: only(conformance.barrier, BreaksForSome, p, **o)),
    ("timeouts", lambda p, **o: only(conformance.barrier, StaysWhole, p, **o)),
    ("cut off", lambda p, **o: only(conformance.barrier, CountsWhoHasLeft, p, **o)),
    ("cut off", lambda p, **o: only(conformance.barrier, StaysWhole, p, **o)),
]


@pytest.mark.parametrize(("promise", "examine"), PLANTED)
def test_a_planted_violation_is_caught(promise, examine, backend):
    report = examine(promise, backend=backend)

    assert report.broken == (promise,), str(report)


def test_a_swallowed_native_cancellation_is_caught():
    report = only(
        conformance.condition,
        SwallowsACancellation,
        "cancelled",
        backend="asyncio",
        style="asyncio",
    )

    assert report.broken == ("cancelled",)
    assert "ended as if it had not been" in str(report)


def test_the_place_that_asyncios_barrier_gives_twice_is_found():
    report = only(
        conformance.barrier, lambda: asyncio.Barrier(3), "cut off",
        cut_off="steps back", backend="asyncio", style="asyncio",
    )  # fmt: skip

    # https://github.com/python/cpython/issues/155233: who comes after a party that was cancelled
    # may get the place of one that waits. Mended in later Pythons.
    assert report.broken in [("cut off",), ()]
    report = only(
        conformance.barrier, lambda: asyncio.Barrier(3), "cut off",
        cut_off="steps back", places=False, backend="asyncio", style="asyncio",
    )  # fmt: skip
    report.assert_kept()
