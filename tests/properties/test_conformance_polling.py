"""Subjects that look again and again, instead of being woken, keep their promises all the same."""

from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

from properties import conformance


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


async def a_while():
    await anyio.sleep(0.01)


class Polls:
    def __init__(self, permits=1, pause=a_while):
        self.permits, self.pause = permits, pause

    async def acquire(self):
        while not self.permits:
            await self.pause()
        self.permits -= 1

    def release(self):
        self.permits += 1


class PollingQueue:
    def __init__(self):
        self.items = []

    async def put(self, item):
        while self.items:
            await a_while()
        self.items.append(item)

    async def get(self):
        while not self.items:
            await a_while()
        return self.items.pop(0)


class PollingEvent:
    def __init__(self):
        self.is_set = False

    def set(self):
        self.is_set = True

    async def wait(self):
        while not self.is_set:
            await a_while()


UNFAIR = {"without": ("fair", "in line", "owned")}
POLLING = {
    "lock": lambda **o: conformance.lock(Polls, **UNFAIR, **o),
    "lock without a pause": lambda **o: conformance.lock(
        lambda: Polls(pause=checkpoint), **UNFAIR, **o
    ),
    "semaphore": lambda **o: conformance.semaphore(lambda: Polls(2), without=("in line",), **o),
    "queue": lambda **o: conformance.queue(PollingQueue, **o),
    "event": lambda **o: conformance.event(PollingEvent, **o),
}


@pytest.mark.parametrize("name", list(POLLING))
def test_a_subject_that_polls_keeps_its_promises(name, backend):
    POLLING[name](backend=backend, schedules=5).assert_kept()


class LooksForEver(PollingEvent):
    async def wait(self):
        while True:
            await checkpoint()


def test_a_subject_that_polls_for_ever_is_caught(backend):
    report = conformance.event(
        LooksForEver, backend=backend, schedules=1, without=("closed", "timeouts")
    )

    assert "steps were taken and main has not ended" in str(report)
