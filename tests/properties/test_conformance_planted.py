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


class KeepsForLater(Turnstile):
    """What comes back from a cancelled wait is free, and nobody who waits is told."""

    async def acquire(self):
        if self.permits:
            self.permits -= 1
            return
        self.line.append(event := anyio.Event())
        try:
            await event.wait()
        except BaseException:
            if event.is_set():
                self.permits += 1
            else:
                self.line.remove(event)
            raise


class LastComeFirstServed(Turnstile):
    def release(self):
        if self.line:
            self.line.pop().set()
        else:
            self.permits += 1


class Barges(Turnstile):
    """Wakes who has waited longest, and lets whoever is quicker have it."""

    async def acquire(self):
        while not self.permits:
            self.line.append(event := anyio.Event())
            await event.wait()
        self.permits -= 1

    def release(self):
        self.permits += 1
        if self.line:
            self.line.popleft().set()


class StaysInLine(Turnstile):
    async def acquire(self):
        if self.permits:
            self.permits -= 1
            return
        self.line.append(event := anyio.Event())
        await event.wait()


PROMISES = {
    conformance.lock: [
        "exclusion", "handed on", "timeouts", "fair", "in line", "sequential", "owned",
    ],
    conformance.semaphore: ["limit", "conserved", "timeouts", "in line", "handed on", "sequential"],
    conformance.limiter: ["limit", "conserved", "timeouts", "in line", "handed on", "sequential", "owned"],
}  # fmt: skip


def only(kit, factory, promise, **options):
    others = [each for each in PROMISES[kit] if each != promise]
    return kit(factory, without=others, schedules=200, **options)


PLANTED = [
    ("exclusion", lambda p, **o: only(conformance.lock, LooksTwice, p, **o)),
    ("handed on", lambda p, **o: only(conformance.lock, DropsWhatItWasHanded, p, **o)),
    ("timeouts", lambda p, **o: only(conformance.lock, StaysInLine, p, **o)),
    ("fair", lambda p, **o: only(conformance.lock, LastComeFirstServed, p, **o)),
    ("in line", lambda p, **o: only(conformance.lock, Barges, p, **o)),
    ("sequential", lambda p, **o: only(conformance.lock, LooksTwice, p, **o)),
    ("owned", lambda p, **o: only(conformance.lock, Turnstile, p, **o)),
    ("limit", lambda p, **o: only(conformance.semaphore, lambda: LooksTwice(2), p, **o)),
    (
        "conserved",
        lambda p, **o: only(conformance.semaphore, lambda: DropsWhatItWasHanded(2), p, **o),
    ),
    ("timeouts", lambda p, **o: only(conformance.semaphore, lambda: StaysInLine(2), p, **o)),
    ("in line", lambda p, **o: only(conformance.semaphore, lambda: LastComeFirstServed(2), p, **o)),
    ("in line", lambda p, **o: only(conformance.semaphore, lambda: Barges(2), p, **o)),
    ("sequential", lambda p, **o: only(conformance.semaphore, lambda: LooksTwice(2), p, **o)),
    ("limit", lambda p, **o: only(conformance.limiter, lambda: LooksTwice(2), p, **o)),
    (
        "conserved",
        lambda p, **o: only(conformance.limiter, lambda: DropsWhatItWasHanded(2), p, **o),
    ),
    ("timeouts", lambda p, **o: only(conformance.limiter, lambda: StaysInLine(2), p, **o)),
    ("handed on", lambda p, **o: only(conformance.semaphore, lambda: KeepsForLater(2), p, **o)),
    ("handed on", lambda p, **o: only(conformance.limiter, lambda: KeepsForLater(2), p, **o)),
    ("in line", lambda p, **o: only(conformance.limiter, lambda: LastComeFirstServed(2), p, **o)),
    ("owned", lambda p, **o: only(conformance.limiter, lambda: Turnstile(2), p, **o)),
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
    assert len(lines) == 7


def test_verdicts_carry_the_failure_itself(backend):
    report = conformance.lock(LooksTwice, backend=backend, schedules=200)

    failure = next(v.failure for v in report.verdicts if not v.kept)

    assert isinstance(failure, simclock.Failure)
    assert failure.schedule.backend == backend
