"""Every promise of the queue kits has a planted violation that they catch."""

from __future__ import annotations

from collections import deque

import anyio
import pytest
from anyio.lowlevel import checkpoint

import concurrency
from properties import conformance


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


class QueueBase:
    def __init__(self):
        self.items = deque()

    async def put(self, item):
        while self.items:
            await anyio.sleep(0.01)
        self.items.append(item)

    async def get(self):
        while not self.items:
            await anyio.sleep(0.01)
        return self.items.popleft()


class LosesOnCancellation(QueueBase):
    async def get(self):
        item = await super().get()
        await checkpoint()
        return item


class DropsWhatItWasHanded(QueueBase):
    """Hands items to waiting getters, who keep them when they are cancelled on their way."""

    def __init__(self):
        super().__init__()
        self.line = deque()

    async def put(self, item):
        if self.line:
            box, event = self.line.popleft()
            box.append(item)
            event.set()
        else:
            self.items.append(item)

    async def get(self):
        if self.items:
            return self.items.popleft()
        self.line.append(mine := ([], anyio.Event()))
        try:
            await mine[1].wait()
        except BaseException:
            if mine in self.line:
                self.line.remove(mine)
            raise
        return mine[0][0]


class PutsBackLast(DropsWhatItWasHanded):
    """An item that comes back from a get that was cancelled stands behind younger ones."""

    async def get(self):
        if self.items:
            return self.items.popleft()
        self.line.append(mine := ([], anyio.Event()))
        try:
            await mine[1].wait()
        except BaseException:
            if mine in self.line:
                self.line.remove(mine)
            self.give_back(mine[0])
            raise
        return mine[0][0]

    def give_back(self, items):
        for item in items:
            while self.line:
                box, event = self.line.popleft()
                box.append(item)
                event.set()
                return
            self.items.append(item)


class KeepsForLater(PutsBackLast):
    """An item that comes back is stored although another get waits for one."""

    def give_back(self, items):
        self.items.extendleft(items)


class RoomForOneMore(QueueBase):
    async def put(self, item):
        while len(self.items) > 1:
            await anyio.sleep(0.01)
        self.items.append(item)


class TakesLate(QueueBase):
    async def get(self):
        while not self.items:
            await anyio.sleep(0.01)
        item = self.items[0]
        await checkpoint()
        if self.items:
            self.items.popleft()
        return item


class PutsThoughItGaveUp:
    """A queue whose cancelled puts keep their place in it, and are never let in."""

    def __init__(self):
        self.inner, self.line = concurrency.Queue.with_maxsize(1), []

    async def put(self, item):
        self.line.append(item)
        while self.line[0] != item:
            await anyio.sleep(0.01)
        await self.inner.put(item)
        self.line.remove(item)

    async def get(self):
        return await self.inner.get()


class FirstInFirstOutOnly(QueueBase):
    """Not the smallest first."""

    async def put(self, item):
        self.items.append(item)


PROMISES = ["sequential", "conserved", "timeouts", "goes on", "put back", "handed on", "room"]


def only(kit, factory, promise, **options):
    bounded = kit is conformance.queue or options.get("maxsize")
    others = [each for each in PROMISES[: None if bounded else -1] if each != promise]
    return kit(factory, without=others, schedules=200, **options)


PLANTED = [
    ("sequential", lambda p, **o: only(conformance.queue, TakesLate, p, **o)),
    ("conserved", lambda p, **o: only(conformance.queue, LosesOnCancellation, p, **o)),
    ("timeouts", lambda p, **o: only(conformance.queue, DropsWhatItWasHanded, p, **o)),
    ("goes on", lambda p, **o: only(conformance.queue, PutsThoughItGaveUp, p, **o)),
    ("sequential", lambda p, **o: only(conformance.priority_queue, FirstInFirstOutOnly, p, **o)),
    ("conserved", lambda p, **o: only(conformance.priority_queue, LosesOnCancellation, p, **o)),
    ("timeouts", lambda p, **o: only(conformance.priority_queue, DropsWhatItWasHanded, p, **o)),
    ("goes on", lambda p, **o: only(conformance.priority_queue, PutsThoughItGaveUp, p, **o)),
    ("put back", lambda p, **o: only(conformance.queue, PutsBackLast, p, **o)),
    ("handed on", lambda p, **o: only(conformance.queue, KeepsForLater, p, **o)),
    ("room", lambda p, **o: only(conformance.queue, RoomForOneMore, p, **o)),
    ("put back", lambda p, **o: only(conformance.priority_queue, PutsBackLast, p, **o)),
    ("handed on", lambda p, **o: only(conformance.priority_queue, KeepsForLater, p, **o)),
    ("room", lambda p, **o: only(conformance.priority_queue, RoomForOneMore, p, maxsize=1, **o)),
]


@pytest.mark.parametrize(("promise", "examine"), PLANTED)
def test_a_planted_violation_is_caught(promise, examine, backend):
    report = examine(promise, backend=backend)

    assert report.broken == (promise,), str(report)
