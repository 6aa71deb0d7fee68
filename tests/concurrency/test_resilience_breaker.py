"""A breaker that cannot get stuck."""

from __future__ import annotations

import math

import anyio
import pytest
from anyio.lowlevel import checkpoint

from concurrency.resilience import (
    BreakerState,
    CircuitBreaker,
    CircuitOpenError,
    Deadline,
    GracefulShutdown,
)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


async def everything_settled():
    """Let all others run until they have nothing left to do."""
    for _ in range(30):
        await checkpoint()
    # Where time is simulated it passes only once nobody can run.
    await anyio.sleep(0.0001)


class Clock:
    """A clock that starts at 0.0, as a simulated one does."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(anyio, "current_time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


async def fail():
    await checkpoint()
    raise ValueError("planted")


async def succeed():
    await checkpoint()
    return "answer"


async def fail_once(breaker):
    with pytest.raises(ValueError, match="planted"):
        await breaker.call(fail)


# --- the breaker


class NaiveBreaker:
    """Ask for the truth of an instant."""

    def __init__(self, failure_threshold, timeout):
        self.failures = 0
        self.threshold = failure_threshold
        self.timeout = timeout
        self.opened_at = None

    async def call(self, func):
        if self.opened_at:
            if anyio.current_time() - self.opened_at < self.timeout:
                raise CircuitOpenError(1.0)
            self.opened_at = None
        try:
            result = await func()
            self.failures = 0
            return result
        except Exception:
            self.failures += 1
            if self.failures >= self.threshold:
                self.opened_at = anyio.current_time()
            raise


async def an_open_breaker_refuses_at_instant_zero(make):
    breaker = make(2, 60.0)
    await fail_once(breaker)
    await fail_once(breaker)
    with pytest.raises(CircuitOpenError):
        await breaker.call(succeed)


def test_an_open_breaker_refuses_at_instant_zero(backend, clock):
    anyio.run(an_open_breaker_refuses_at_instant_zero, CircuitBreaker, backend=backend)


def test_a_breaker_that_asks_for_the_truth_of_an_instant_is_caught(backend, clock):
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        anyio.run(an_open_breaker_refuses_at_instant_zero, NaiveBreaker, backend=backend)


async def the_breaker_goes_through_its_states(clock):
    moves = []
    breaker = CircuitBreaker(
        2, 10.0, success_threshold=2, listeners=[lambda old, new: moves.append((old, new))]
    )
    await fail_once(breaker)
    assert await breaker.call(succeed) == "answer"
    assert breaker.failures == 0
    await fail_once(breaker)
    assert breaker.state is BreakerState.CLOSED
    await fail_once(breaker)
    assert breaker.state is BreakerState.OPEN
    clock.now = 4.0
    with pytest.raises(CircuitOpenError, match="try again in 6s") as caught:
        await breaker.call(succeed)
    assert caught.value.retry_after == 6.0
    clock.now = 10.0
    assert await breaker.call(succeed) == "answer"
    assert breaker.state is BreakerState.HALF_OPEN
    await fail_once(breaker)
    assert breaker.state is BreakerState.OPEN
    clock.now = 20.0
    await breaker.call(succeed)
    await breaker.call(succeed)
    assert breaker.state is BreakerState.CLOSED
    closed, opened, half = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
    assert moves == [
        (closed, opened),
        (opened, half),
        (half, opened),
        (opened, half),
        (half, closed),
    ]


def test_the_breaker_goes_through_its_states(backend, clock):
    anyio.run(the_breaker_goes_through_its_states, clock, backend=backend)


async def one_probe_at_a_time(clock):
    breaker = CircuitBreaker(1, 10.0)
    await fail_once(breaker)
    clock.now = 10.0
    gate = anyio.Event()
    results = []

    async def probe():
        await gate.wait()
        return "probed"

    async def call():
        results.append(await breaker.call(probe))

    async with anyio.create_task_group() as tg:
        tg.start_soon(call)
        await everything_settled()
        with pytest.raises(CircuitOpenError, match="a probe is under way"):
            await breaker.call(succeed)
        gate.set()
    assert results == ["probed"]
    assert breaker.state is BreakerState.CLOSED


def test_one_probe_at_a_time(backend, clock):
    anyio.run(one_probe_at_a_time, clock, backend=backend)


async def a_cancelled_probe_makes_room_for_the_next(clock):
    breaker = CircuitBreaker(1, 10.0)
    await fail_once(breaker)
    clock.now = 10.0
    with anyio.CancelScope() as scope:

        async def cancelled():
            scope.cancel()
            await checkpoint()

        await breaker.call(cancelled)
    assert scope.cancelled_caught
    assert breaker.state is BreakerState.HALF_OPEN
    assert await breaker.call(succeed) == "answer"
    assert breaker.state is BreakerState.CLOSED


def test_a_cancelled_probe_makes_room_for_the_next(backend, clock):
    anyio.run(a_cancelled_probe_makes_room_for_the_next, clock, backend=backend)


async def a_straggler_from_before_decides_nothing(clock):
    breaker = CircuitBreaker(1, 10.0, success_threshold=2)
    good, bad = anyio.Event(), anyio.Event()

    async def late_success():
        await good.wait()

    async def late_failure():
        await bad.wait()
        raise ValueError("planted")

    async def call(func):
        try:
            await breaker.call(func)
        except ValueError:
            pass

    async with anyio.create_task_group() as tg:
        tg.start_soon(call, late_success)
        tg.start_soon(call, late_failure)
        await everything_settled()
        await fail_once(breaker)
        good.set()
        await everything_settled()
        assert breaker.state is BreakerState.OPEN
        clock.now = 10.0
        await breaker.call(succeed)
        bad.set()
        await everything_settled()
        assert breaker.state is BreakerState.HALF_OPEN


def test_a_straggler_from_before_decides_nothing(backend, clock):
    anyio.run(a_straggler_from_before_decides_nothing, clock, backend=backend)


async def excluded_errors_are_answers(clock):
    breaker = CircuitBreaker(1, 10.0, excluded=[ValueError])
    await fail_once(breaker)
    assert breaker.state is BreakerState.CLOSED
    with pytest.raises(KeyError):
        await breaker.call({}.__getitem__, "missing")
    clock.now = 10.0
    await fail_once(breaker)
    assert breaker.state is BreakerState.CLOSED
    with pytest.raises(KeyError):
        await breaker.call({}.__getitem__, "missing")
    breaker.reset()
    assert await breaker.call(succeed) == "answer"


def test_excluded_errors_are_answers(backend, clock):
    anyio.run(excluded_errors_are_answers, clock, backend=backend)


async def a_failing_listener_disturbs_nobody(clock):
    heard = []

    def failing(old, new):
        raise OSError("the listener failed")

    breaker = CircuitBreaker(1, 1.0, listeners=[failing, lambda _, new: heard.append(new)])
    await fail_once(breaker)
    assert heard == ["open"]


def test_a_failing_listener_disturbs_nobody(backend, clock, caplog):
    anyio.run(a_failing_listener_disturbs_nobody, clock, backend=backend)
    assert "the listener failed" in caplog.text


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: CircuitBreaker(0), ValueError),
        (lambda: CircuitBreaker(1.5), TypeError),
        (lambda: CircuitBreaker(1, -1), ValueError),
        (lambda: CircuitBreaker(success_threshold=0), ValueError),
        (lambda: CircuitBreaker(excluded=["text"]), TypeError),
        (lambda: CircuitBreaker(excluded=[KeyboardInterrupt]), TypeError),
        (lambda: CircuitBreaker(listeners=[5]), TypeError),
        (lambda: Deadline(math.nan), ValueError),
        (lambda: Deadline("soon"), TypeError),
        (lambda: Deadline(1.0).share(0), ValueError),
        (lambda: Deadline(1.0).share(1.5), ValueError),
        (lambda: GracefulShutdown(grace=-1), ValueError),
        (lambda: GracefulShutdown(15), TypeError),
    ],
)
def test_wrong_arguments_are_refused_at_the_call(make, error):
    with pytest.raises(error):
        make()


def test_a_coroutine_handed_to_the_breaker_is_closed(backend):
    coroutine = succeed()
    with pytest.raises(TypeError, match=r"write f, not f\(\)"):
        anyio.run(CircuitBreaker().call, coroutine, backend=backend)
    assert coroutine.cr_frame is None
