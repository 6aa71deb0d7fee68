"""The kit for circuit breakers passes what is right, and catches a violation of each promise."""

from __future__ import annotations

import asyncio

import anyio
import pytest

import concurrency
from properties import conformance
from simclock import UsageError


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


class RefusedError(Exception):
    pass


class Breaker:
    """A right breaker in the fewest lines, for planted violations to start from."""

    def __init__(self, threshold=3, timeout=10.0):
        self.threshold, self.timeout = threshold, timeout
        self.failures, self.opened_at, self.probing = 0, None, False

    def now(self):
        return anyio.current_time()

    def admit(self):
        if self.opened_at is None:
            return
        if self.probing or self.now() < self.opened_at + self.timeout:
            raise RefusedError
        self.probing = True

    def succeeded(self, began):
        if began == self.opened_at:
            self.failures, self.opened_at = 0, None

    def failed(self, began):
        self.failures += 1
        if self.failures >= self.threshold:
            self.opened_at = self.now()

    async def call(self, function):
        self.admit()
        began = self.opened_at
        try:
            result = await function()
        except Exception:
            self.probing = False
            self.failed(began)
            raise
        except BaseException:
            self.probing = False
            raise
        self.probing = False
        self.succeeded(began)
        return result


class NativeBreaker(Breaker):
    def now(self):
        return asyncio.get_running_loop().time()


class WrapsErrors(Breaker):
    """Raises an error of its own from the failure that opens it, as many do."""

    async def call(self, function):
        was = self.opened_at
        try:
            return await super().call(function)
        except ConnectionError as error:
            if self.opened_at != was:
                raise RefusedError from error
            raise


class CountsCancelledProbes(Breaker):
    """A cancelled probe opens it for another timeout."""

    async def call(self, function):
        try:
            return await super().call(function)
        except Exception:
            raise
        except BaseException:
            if self.opened_at is not None:
                self.opened_at = self.now()
            raise


RIGHT = {
    "ours": lambda **o: conformance.circuit_breaker(lambda: concurrency.CircuitBreaker(3, 10), **o),
    "ours, of one failure": lambda **o: conformance.circuit_breaker(
        lambda: concurrency.CircuitBreaker(1, 0.5), threshold=1, timeout=0.5, **o
    ),
    "ours, of two probes": lambda **o: conformance.circuit_breaker(
        lambda: concurrency.CircuitBreaker(2, 60, success_threshold=2),
        threshold=2,
        timeout=60,
        probes=2,
        **o,
    ),
    "the simplest": lambda **o: conformance.circuit_breaker(Breaker, **o),
    "one with errors of its own": lambda **o: conformance.circuit_breaker(WrapsErrors, **o),
    "one that counts cancelled probes": lambda **o: conformance.circuit_breaker(
        CountsCancelledProbes, **o
    ),
}


@pytest.mark.parametrize("name", list(RIGHT))
def test_a_right_breaker_keeps_every_promise(name, backend):
    RIGHT[name](backend=backend, schedules=50).assert_kept()


def test_a_breaker_for_asyncio_is_right_under_native_cancellation():
    conformance.circuit_breaker(NativeBreaker, style="asyncio", schedules=50).assert_kept()


# Planted violations, each with the promise that it breaks.


class TurnsNothingIntoDefault(Breaker):
    async def call(self, function):
        return await super().call(function) or "default"


class HidesErrors(Breaker):
    async def call(self, function):
        try:
            return await super().call(function)
        except ConnectionError:
            raise RuntimeError("something went wrong") from None


class TakesZeroForNever(Breaker):
    def admit(self):
        if self.opened_at:
            super().admit()


class OpensTooLate(Breaker):
    def __init__(self):
        super().__init__(threshold=4)


class CountsFromTheStart(Breaker):
    """Opens at the instant at which the failing call began."""

    async def call(self, function):
        self.began_at = self.now()
        return await super().call(function)

    def failed(self, began):
        self.failures += 1
        if self.failures >= self.threshold:
            self.opened_at = self.began_at


class StaysOpenLonger(Breaker):
    def __init__(self):
        super().__init__(timeout=20)


class CountsAllFailures(Breaker):
    def succeeded(self, began):
        if began is not None:
            super().succeeded(began)


class LetsAllProbe(Breaker):
    def admit(self):
        self.probing = False
        super().admit()


class ProbesInALine(Breaker):
    """Makes callers wait for the probe and then probe themselves."""

    def __init__(self):
        super().__init__()
        self.lock = anyio.Lock()

    async def call(self, function):
        if self.opened_at is None or self.now() < self.opened_at + self.timeout:
            return await super().call(function)
        async with self.lock:
            return await super().call(function)


class ClosesByHalves(Breaker):
    """Forgets the count of failures when it closes, and so opens at the next."""

    def succeeded(self, began):
        if began is None:
            super().succeeded(began)
        elif began == self.opened_at:
            self.opened_at = None


class ForgetsFailedProbes(Breaker):
    def failed(self, began):
        if began is None:
            super().failed(began)


class BelievesStragglers(Breaker):
    def succeeded(self, began):
        self.failures, self.opened_at = 0, None


class CountsCancellations(Breaker):
    async def call(self, function):
        try:
            return await super().call(function)
        except Exception:
            raise
        except BaseException:
            self.failed(self.opened_at)
            raise


class KeepsTheProbe(Breaker):
    async def call(self, function):
        self.admit()
        began = self.opened_at
        try:
            result = await function()
        except Exception:
            self.probing = False
            self.failed(began)
            raise
        self.probing = False
        self.succeeded(began)
        return result


PROMISES = [
    "closed",
    "opens",
    "resets",
    "half-open",
    "closes",
    "reopens",
    "stragglers",
    "cancelled calls",
    "cancelled probe",
]
PLANTED = [
    ("closed", TurnsNothingIntoDefault),
    ("closed", HidesErrors),
    ("opens", TakesZeroForNever),
    ("opens", OpensTooLate),
    ("opens", CountsFromTheStart),
    ("opens", StaysOpenLonger),
    ("resets", CountsAllFailures),
    ("half-open", LetsAllProbe),
    ("half-open", ProbesInALine),
    ("closes", ClosesByHalves),
    ("reopens", ForgetsFailedProbes),
    ("reopens", CountsFromTheStart),
    ("stragglers", BelievesStragglers),
    ("cancelled calls", CountsCancellations),
    ("cancelled probe", KeepsTheProbe),
]


@pytest.mark.parametrize(("promise", "planted"), PLANTED)
def test_a_planted_violation_is_caught(promise, planted, backend):
    others = [each for each in PROMISES if each != promise]

    report = conformance.circuit_breaker(planted, backend=backend, without=others)

    assert report.broken == (promise,), str(report)


def test_a_failure_says_when_a_call_was_let_through(backend):
    report = conformance.circuit_breaker(CountsFromTheStart, backend=backend, schedules=20)

    assert "a call was let through at t=22s, and the breaker was to be open until t=26s" in str(
        report
    )


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"threshold": 0}, "threshold is a whole number from 1 to 50, not 0"),
        ({"threshold": True}, "threshold is a whole number from 1 to 50, not True"),
        ({"probes": 0.5}, "probes is a whole number from 1 to 50, not 0.5"),
        ({"timeout": 0}, "timeout is a finite number of seconds above 0, not 0"),
        ({"timeout": float("inf")}, "timeout is a finite number of seconds above 0, not inf"),
        ({"error": KeyboardInterrupt}, "error is the class of exception that counts as failure"),
        ({"error": ValueError("no")}, "error is the class of exception that counts as failure"),
    ],
)
def test_facts_that_cannot_be_are_refused(facts, message):
    with pytest.raises(UsageError, match=message):
        conformance.circuit_breaker(Breaker, **facts)


def test_a_breaker_without_call_is_refused():
    with pytest.raises(UsageError, match="a circuit breaker needs the methods call, and object"):
        conformance.circuit_breaker(object)
