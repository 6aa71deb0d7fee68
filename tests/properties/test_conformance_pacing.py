"""The kit for rate limiters passes what is right, and catches a violation of each promise."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import repeat

import anyio
import pytest

import concurrency
from properties import conformance
from simclock import UsageError


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


class Bucket:
    """A token bucket in the fewest lines: the first in line waits for the clock."""

    make_lock = staticmethod(anyio.Lock)
    sleep = staticmethod(anyio.sleep)

    def __init__(self, burst=1, interval=1.0):
        self.burst, self.interval = burst, interval
        self.lock = self.make_lock()
        self.level = float(burst)
        self.seen = None

    def refill(self):
        now = anyio.current_time()
        if self.seen is not None:
            self.level = min(self.burst, self.level + (now - self.seen) / self.interval)
        self.seen = now

    async def acquire(self):
        async with self.lock:
            self.refill()
            while self.level < 1 - 1e-9:
                await self.sleep((1 - self.level) * self.interval)
                self.refill()
            self.level -= 1


class NativeBucket(Bucket):
    make_lock = staticmethod(asyncio.Lock)
    sleep = staticmethod(asyncio.sleep)


class Window:
    """At most ``size`` in any span of ``period`` seconds."""

    def __init__(self, size, period):
        self.size, self.period = size, period
        self.lock, self.past = anyio.Lock(), deque()

    async def acquire(self):
        async with self.lock:
            while len(self.past) == self.size and self.past[0] + self.period > anyio.current_time():
                await anyio.sleep_until(self.past[0] + self.period)
            if len(self.past) == self.size:
                self.past.popleft()
            self.past.append(anyio.current_time())


class Polling(Bucket):
    async def acquire(self):
        async with self.lock:
            self.refill()
            while self.level < 1 - 1e-9:
                await anyio.sleep(0.1)
                self.refill()
            self.level -= 1


class Throttled:
    """Our throttled stream over a source that always has something."""

    def __init__(self, burst):
        self.stream = concurrency.throttle_stream(repeat(None), 4, per=2, burst=burst)
        self.lock = anyio.Lock()

    async def acquire(self):
        async with self.lock:
            if not self.stream.managed:
                await self.stream.__aenter__()
            await anext(self.stream)


RIGHT = {
    "our throttled stream": lambda **o: conformance.rate_limiter(
        lambda: Throttled(1), rate=4, per=2, **o
    ),
    "our throttled stream in bursts": lambda **o: conformance.rate_limiter(
        lambda: Throttled(3), rate=4, per=2, burst=3, **o
    ),
    "a bucket": lambda **o: conformance.rate_limiter(Bucket, **o),
    "a bucket of 3": lambda **o: conformance.rate_limiter(lambda: Bucket(3), burst=3, **o),
    "a bucket in thirds": lambda **o: conformance.rate_limiter(
        lambda: Bucket(2, 1 / 3), rate=3, burst=2, **o
    ),
    "a window": lambda **o: conformance.rate_limiter(
        lambda: Window(3, 2), rate=3, per=2, burst=3, **o
    ),
    "one that polls": lambda **o: conformance.rate_limiter(Polling, grain=0.1, **o),
}


@pytest.mark.parametrize("name", list(RIGHT))
def test_a_right_limiter_keeps_every_promise(name, backend):
    RIGHT[name](backend=backend, schedules=50).assert_kept()


def test_a_limiter_of_asyncios_own_parts_is_right_under_native_cancellation():
    report = conformance.rate_limiter(
        lambda: NativeBucket(2), burst=2, style="asyncio", schedules=50
    )

    report.assert_kept()


# Planted violations, each with the promise that it breaks.


class CountsByTheClock:
    """Starts to count anew at every full interval, so that two crowds may meet there."""

    def __init__(self):
        self.lock, self.began, self.count = anyio.Lock(), 0.0, 0

    async def acquire(self):
        async with self.lock:
            if anyio.current_time() >= self.began + 2:
                self.began, self.count = anyio.current_time() // 2 * 2, 0
            if self.count == 2:
                await anyio.sleep_until(self.began + 2)
                self.began, self.count = self.began + 2, 0
            self.count += 1


class Reserves:
    """Gives each caller an instant to sleep to: whoever is late or gives up has had it."""

    def __init__(self):
        self.next = None

    async def acquire(self):
        now = anyio.current_time()
        mine = now if self.next is None else max(now, self.next)
        self.next = mine + 1
        await anyio.sleep_until(mine)


class HalfAsFast(Bucket):
    def __init__(self):
        super().__init__(interval=2.0)


class NeverAtOnce(Bucket):
    def __init__(self):
        super().__init__(burst=1)


class Hoards(Bucket):
    def refill(self):
        now = anyio.current_time()
        if self.seen is not None:
            self.level += (now - self.seen) / self.interval
        self.seen = now


class LooksTwice(Bucket):
    async def acquire(self):
        self.refill()
        while self.level < 1 - 1e-9:
            await anyio.sleep((1 - self.level) * self.interval)
            self.refill()
        self.level -= 1


class LeavesTheLineClosed(Bucket):
    """Whoever is cut off leaves the lock behind as it is."""

    async def acquire(self):
        await self.lock.acquire()
        self.refill()
        while self.level < 1 - 1e-9:
            await anyio.sleep((1 - self.level) * self.interval)
            self.refill()
        self.level -= 1
        self.lock.release()


PROMISES = ["rate", "late", "busy", "burst", "no hoarding", "fair", "cancelled", "timeouts"]
PLANTED = [
    ("rate", CountsByTheClock, {"rate": 2, "per": 2, "burst": 2}),
    ("late", Reserves, {}),
    ("busy", HalfAsFast, {}),
    ("burst", NeverAtOnce, {"burst": 2}),
    ("no hoarding", Hoards, {}),
    ("fair", LooksTwice, {}),
    ("cancelled", Reserves, {}),
    ("cancelled", LeavesTheLineClosed, {}),
    ("timeouts", Reserves, {}),
    ("timeouts", LeavesTheLineClosed, {}),
]


@pytest.mark.parametrize(("promise", "planted", "facts"), PLANTED)
def test_a_planted_violation_is_caught(promise, planted, facts, backend):
    others = [each for each in PROMISES if each != promise]

    report = conformance.rate_limiter(planted, backend=backend, without=others, **facts)

    assert report.broken == (promise,), str(report)


def test_one_that_reserves_keeps_what_does_not_need_more(backend):
    conformance.rate_limiter(
        Reserves, backend=backend, schedules=50, without=["late", "cancelled", "timeouts"]
    ).assert_kept()


def test_a_failure_says_how_many_came_and_how_many_may(backend):
    report = conformance.rate_limiter(lambda: Bucket(3), burst=2, backend=backend, schedules=50)

    assert "no hoarding" in report.broken
    assert "3 permits within 0s from t=2000s; burst and rate allow 2" in str(report)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"rate": 0}, "rate is a finite number, above 0, not 0"),
        ({"rate": float("inf")}, "rate is a finite number, above 0, not inf"),
        ({"rate": "3"}, "rate is a finite number, above 0, not '3'"),
        ({"per": -1}, "per is a finite number, above 0, not -1"),
        ({"per": float("nan")}, "per is a finite number, above 0, not nan"),
        ({"rate": 1e6}, "per / rate, .*, is 0.0001 s or more, not 1e-06 s"),
        ({"burst": 0}, "burst is a whole number from 1 to 50, not 0"),
        ({"burst": 1.5}, "burst is a whole number from 1 to 50, not 1.5"),
        ({"burst": 1000}, "of what has more, examine a smaller one of the same kind"),
        ({"grain": -0.1}, "grain is a finite number, 0 or more, not -0.1"),
    ],
)
def test_facts_that_cannot_be_are_refused(facts, message):
    with pytest.raises(UsageError, match=message):
        conformance.rate_limiter(Bucket, **facts)


def test_a_limiter_without_acquire_is_refused():
    with pytest.raises(UsageError, match="a rate limiter needs the methods acquire, and object"):
        conformance.rate_limiter(object)
