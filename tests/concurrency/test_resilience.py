"""A breaker that cannot get stuck, a shutdown that can be trusted, a budget that adds up."""

from __future__ import annotations

import functools
import math
import signal

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


# --- shutdown


async def a_signal_asks_and_the_block_goes_on():
    async with GracefulShutdown() as shutdown:
        assert not shutdown.shutdown_requested
        signal.raise_signal(signal.SIGTERM)
        await shutdown.wait()
        assert shutdown.shutdown_requested
        await checkpoint()
    assert shutdown.received == (signal.SIGTERM,)
    assert not shutdown.forced


def test_a_signal_asks_and_the_block_goes_on(backend):
    anyio.run(a_signal_asks_and_the_block_goes_on, backend=backend)


async def a_second_signal_cancels():
    async with GracefulShutdown() as shutdown:
        signal.raise_signal(signal.SIGINT)
        await shutdown.wait()
        signal.raise_signal(signal.SIGINT)
        await anyio.sleep(5)
        raise AssertionError("not cancelled")
    assert shutdown.forced
    assert len(shutdown.received) == 2


def test_a_second_signal_cancels(backend):
    anyio.run(a_second_signal_cancels, backend=backend)


async def the_grace_is_limited():
    async with GracefulShutdown(grace=0.002) as shutdown:
        shutdown.request()
        shutdown.request()
        await anyio.sleep(5)
    assert shutdown.forced
    early = GracefulShutdown(grace=0.002)
    early.request()
    async with early:
        await anyio.sleep(5)
    assert early.forced
    with pytest.raises(RuntimeError, match="make a new one"):
        await early.__aenter__()


def test_the_grace_is_limited(backend):
    anyio.run(the_grace_is_limited, backend=backend)


async def handlers_are_restored_and_errors_arrive_as_they_are():
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError):
        async with GracefulShutdown():
            assert signal.getsignal(signal.SIGTERM) is not before[0]
            raise ZeroDivisionError
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    with anyio.move_on_after(0.001) as scope:
        async with GracefulShutdown() as shutdown:
            await anyio.sleep(5)
    assert scope.cancelled_caught
    assert not shutdown.forced


def test_handlers_are_restored_and_errors_arrive_as_they_are(backend):
    anyio.run(handlers_are_restored_and_errors_arrive_as_they_are, backend=backend)


# --- deadlines


async def a_deadline_is_handed_on():
    assert Deadline.current() == Deadline(math.inf)
    assert Deadline.current().remaining() == math.inf
    assert Deadline.after(None).share(0.5) == Deadline(math.inf)
    with anyio.fail_after(10):  # noqa: ASYNC100 - Only looked at.
        deadline = Deadline.current()
        assert 9.9 < deadline.remaining() <= 10
        part = deadline.share(0.8)
        assert part < deadline
        assert 7.9 < part.remaining() <= 8
    assert Deadline.after(-5).expired
    assert Deadline.after(-5).remaining() == 0
    assert not Deadline.after(1).expired
    with pytest.raises(TimeoutError):
        async with Deadline.after(0.001).fail():
            await anyio.sleep(5)
    with Deadline.after(0.001).move_on() as scope:
        await anyio.sleep(5)
    assert scope.cancelled_caught


def test_a_deadline_is_handed_on(backend):
    anyio.run(a_deadline_is_handed_on, backend=backend)


async def a_task_elsewhere_keeps_the_deadline_it_was_handed():
    outcome = []

    async def elsewhere(deadline):
        with deadline.move_on():
            await anyio.sleep(5)
        outcome.append("stopped in time")

    async with anyio.create_task_group() as tg:
        with anyio.move_on_after(0.003):  # noqa: ASYNC100 - Only looked at.
            tg.start_soon(functools.partial(elsewhere, Deadline.current()))
    assert outcome == ["stopped in time"]


def test_a_task_elsewhere_keeps_the_deadline_it_was_handed(backend):
    anyio.run(a_task_elsewhere_keeps_the_deadline_it_was_handed, backend=backend)
