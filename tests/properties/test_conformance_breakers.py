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

    def __init__(self, threshold=3, timeout=10.0, probes=1):
        self.threshold, self.timeout, self.probes = threshold, timeout, probes
        self.failures = self.successes = self.era = 0
        self.opened_at, self.probing = None, False

    def now(self):
        return anyio.current_time()

    def admit(self):
        if self.opened_at is not None:
            if self.probing or self.now() < self.opened_at + self.timeout:
                raise RefusedError
            self.probing = True
        return self.era

    def succeeded(self):
        self.failures = 0
        if self.opened_at is not None:
            self.successes += 1
            if self.successes == self.probes:
                self.opened_at, self.era = None, self.era + 1

    def failed(self):
        self.failures += 1
        if self.opened_at is not None or self.failures >= self.threshold:
            self.opened_at, self.era, self.successes = self.now(), self.era + 1, 0

    def counts(self, began):
        return began == self.era

    async def call(self, function):
        began = self.admit()
        try:
            result = await function()
        except Exception:
            if self.counts(began):
                self.probing = False
                self.failed()
            raise
        except BaseException:
            if self.counts(began):
                self.probing = False
            raise
        if self.counts(began):
            self.probing = False
            self.succeeded()
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
    "one of three probes": lambda **o: conformance.circuit_breaker(
        lambda: Breaker(probes=3), probes=3, **o
    ),
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


class HasATimer(NativeBreaker):
    """Ends its timeout by a timer of the loop, which may be due at the instant of a call."""

    def __init__(self):
        super().__init__(timeout=0.0)
        self.over = True

    def admit(self):
        if not self.over:
            raise RefusedError
        return super().admit()

    def failed(self):
        super().failed()
        if self.opened_at is not None:
            self.over = False
            asyncio.get_running_loop().call_later(10, self.end)

    def end(self):
        self.over = True


def test_a_breaker_with_a_timer_is_right():
    conformance.circuit_breaker(HasATimer, style="asyncio").assert_kept()


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
        return super().admit() if self.opened_at else self.era


class OpensTooLate(Breaker):
    def __init__(self):
        super().__init__(threshold=4)


class CountsFromTheStart(Breaker):
    """Opens at the instant at which the failing call began."""

    async def call(self, function):
        self.began_at = self.now()
        return await super().call(function)

    def failed(self):
        super().failed()
        if self.opened_at is not None:
            self.opened_at = self.began_at


class StaysOpenLonger(Breaker):
    def __init__(self):
        super().__init__(timeout=20)


class CountsAllFailures(Breaker):
    def succeeded(self):
        if self.opened_at is not None:
            super().succeeded()


class LetsAllProbe(Breaker):
    def admit(self):
        self.probing = False
        return super().admit()


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
    """Keeps the count of failures when it closes, and so opens at the next."""

    def succeeded(self):
        was = self.failures
        super().succeeded()
        if was >= self.threshold:
            self.failures = was


class ClosesAfterOneProbe(Breaker):
    def __init__(self):
        super().__init__(probes=1)


class ForgetsFailedProbes(Breaker):
    def failed(self):
        if self.opened_at is None:
            super().failed()


class CountsAllProbes(Breaker):
    def __init__(self):
        super().__init__(probes=3)

    def failed(self):
        was = self.successes
        super().failed()
        self.successes = was


class BelievesStragglers(Breaker):
    def counts(self, began):
        return True


class BelievesLateStragglers(Breaker):
    """Calls from before count again as soon as one is let through as a probe."""

    def counts(self, began):
        return super().counts(began) or self.probing


class CountsCancellations(Breaker):
    async def call(self, function):
        try:
            return await super().call(function)
        except Exception:
            raise
        except BaseException:
            self.failed()
            raise


class KeepsTheProbe(Breaker):
    async def call(self, function):
        began = self.admit()
        try:
            result = await function()
        except Exception:
            if self.counts(began):
                self.probing = False
                self.failed()
            raise
        if self.counts(began):
            self.probing = False
            self.succeeded()
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
    "probes in a row",
]
PLANTED = [
    ("closed", TurnsNothingIntoDefault, {}),
    ("closed", HidesErrors, {}),
    ("opens", TakesZeroForNever, {}),
    ("opens", OpensTooLate, {}),
    ("opens", CountsFromTheStart, {}),
    ("opens", StaysOpenLonger, {}),
    ("resets", CountsAllFailures, {}),
    ("half-open", LetsAllProbe, {}),
    ("half-open", ProbesInALine, {}),
    ("closes", ClosesByHalves, {}),
    ("closes", ClosesAfterOneProbe, {"probes": 2}),
    ("reopens", ForgetsFailedProbes, {}),
    ("reopens", CountsFromTheStart, {}),
    ("probes in a row", CountsAllProbes, {"probes": 3}),
    ("stragglers", BelievesStragglers, {}),
    ("stragglers", BelievesLateStragglers, {}),
    ("cancelled calls", CountsCancellations, {}),
    ("cancelled probe", KeepsTheProbe, {}),
]


@pytest.mark.parametrize(("promise", "planted", "facts"), PLANTED)
def test_a_planted_violation_is_caught(promise, planted, facts, backend):
    made = PROMISES if "probes" in facts else PROMISES[:-1]
    others = [each for each in made if each != promise]

    report = conformance.circuit_breaker(planted, backend=backend, without=others, **facts)

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
        ({"timeout": 0}, "timeout is a finite number, above 0, not 0"),
        ({"timeout": float("inf")}, "timeout is a finite number, above 0, not inf"),
        ({"timeout": 1e-7}, "timeout is 0.0001 s or more, not 1e-07 s, which rounding could hide"),
        ({"timeout": None}, "timeout is a finite number, above 0, not None"),
        ({"error": KeyboardInterrupt}, "error is a class derived from Exception, not"),
        ({"error": ValueError("no")}, "error is a class derived from Exception, not"),
    ],
)
def test_facts_that_cannot_be_are_refused(facts, message):
    with pytest.raises(UsageError, match=message):
        conformance.circuit_breaker(Breaker, **facts)


def test_a_breaker_without_call_is_refused():
    with pytest.raises(UsageError, match="a circuit breaker needs the methods call, and object"):
        conformance.circuit_breaker(object)
