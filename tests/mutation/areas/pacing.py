"""Checks of CircuitBreaker and GracefulShutdown."""

# ruff: noqa: PT017 - These programs run without pytest.

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Iterator
from functools import partial

import anyio
from checking import explored, kit, scenarios

from concurrency import (
    BreakerState,
    CircuitBreaker,
    CircuitOpenError,
    GracefulShutdown,
    Queue,
    TaskGroup,
    checkpoint,
    current_time,
    move_on_after,
    sleep,
)
from properties import conformance

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


class Service:
    """Answers after a second, fails, or is refused by its breaker."""

    def __init__(self, breaker: CircuitBreaker) -> None:
        self.breaker = breaker
        self.calls = 0

    async def ask(self, error: BaseException | None = None, seconds: float = 0) -> str:
        async def answer() -> str:
            self.calls += 1
            await sleep(seconds)
            if error is not None:
                raise error
            return "answer"

        try:
            return await self.breaker.call(answer)
        except CircuitOpenError:
            return "refused"
        except OSError as raised:
            assert raised is error
            return "failed"

    async def asks(self, *errors: BaseException | None) -> list[str]:
        return [await self.ask(error) for error in errors]


async def it_opens_after_so_many_failures_in_a_row() -> None:
    service = Service(CircuitBreaker(3, 10))
    assert await service.asks(OSError(), OSError(), None) == ["failed", "failed", "answer"]
    assert service.breaker.state is CLOSED
    assert await service.asks(OSError(), OSError()) == ["failed"] * 2, "a success forgives"
    assert service.breaker.state is CLOSED
    assert await service.asks(OSError(), None) == ["failed", "refused"]
    assert service.breaker.state is OPEN


async def it_is_open_for_its_timeout_each_time() -> None:
    service = Service(CircuitBreaker(1, 10))
    await sleep(1)
    await service.ask(OSError())
    for _ in range(2):
        await sleep(9.5)
        assert await service.ask() == "refused"
        await sleep(0.5)
        assert await service.ask(OSError()) == "failed", "its time was over, and no probe passed"
        assert service.breaker.state is OPEN
    await sleep(10)
    assert await service.ask() == "answer"
    assert service.breaker.state is CLOSED


async def one_probe_at_a_time_and_so_many_in_a_row() -> None:
    service = Service(CircuitBreaker(1, 10, success_threshold=2))
    await service.ask(OSError())
    await sleep(10)
    async with TaskGroup() as tg:
        asked = [tg.spawn(service.ask, None, 1) for _ in range(3)]
    assert sorted(each.result() for each in asked) == ["answer", "refused", "refused"]
    assert service.breaker.state is HALF_OPEN, "one success is not two"
    assert await service.ask(OSError()) == "failed"
    assert service.breaker.state is OPEN
    await sleep(10)
    assert await service.ask() == "answer"
    assert service.breaker.state is HALF_OPEN, "an old success was counted"
    assert await service.ask() == "answer"
    assert service.breaker.state is CLOSED


async def a_cancelled_call_counts_as_nothing() -> None:
    service = Service(CircuitBreaker(1, 10))
    for state in (CLOSED, HALF_OPEN):
        with move_on_after(1):
            await service.ask(None, 5)
        assert service.breaker.state is state, "an impatient caller was counted"
        if state is CLOSED:
            await service.ask(OSError())
            await sleep(10)
    assert await service.ask() == "answer", "after a cancelled probe the next call is the probe"
    assert service.breaker.state is CLOSED


async def stragglers_from_before_count_for_nothing() -> None:
    for late in (OSError(), None):
        service = Service(CircuitBreaker(2, 4))
        async with TaskGroup() as tg:
            tg.start_soon(service.ask, late, 6)
            await checkpoint()
            await sleep(1)
            await service.asks(OSError(), OSError())
            await sleep(4)
            probe = tg.spawn(service.ask, None, 3)  # From 5 to 8; the straggler ends at 6.
            await sleep(2)
            assert service.breaker.state is HALF_OPEN, "a straggler decided"
            assert await service.ask() == "refused", "a straggler let another probe pass"
        assert probe.result() == "answer"
        assert service.breaker.state is CLOSED
    service = Service(CircuitBreaker(2, 4))
    async with TaskGroup() as tg:
        tg.start_soon(service.ask, OSError(), 9)
        await sleep(1)
        await service.asks(OSError(), OSError())
        await sleep(4)
        assert await service.asks(None, OSError()) == ["answer", "failed"]
        await sleep(5)
    assert service.breaker.state is CLOSED, "a straggler's failure was counted"
    assert service.breaker.failures == 1


async def answers_that_are_excluded_are_no_failures() -> None:
    service = Service(CircuitBreaker(2, 10, excluded=[FileNotFoundError]))
    await service.asks(OSError(), FileNotFoundError(), OSError())
    assert service.breaker.state is CLOSED


async def listeners_are_told_in_order_and_disturb_nobody() -> None:
    told: list[tuple[BreakerState, BreakerState]] = []

    def fail(_old, _new):
        raise LookupError("a listener")

    service = Service(CircuitBreaker(1, 10, listeners=[fail, lambda *each: told.append(each)]))
    logging.disable(logging.CRITICAL)
    try:
        await service.ask(OSError())
        await sleep(10)
        await service.ask()
    finally:
        logging.disable(logging.NOTSET)
    assert told == [(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, CLOSED)]


@contextlib.contextmanager
def signals_by_hand() -> Iterator[Queue[signal.Signals]]:
    """Stand in for the operating system, which is outside the simulated world."""
    signals: Queue[signal.Signals] = Queue()

    @contextlib.contextmanager
    def receiver(*_signals: signal.Signals):
        yield signals

    before = anyio.open_signal_receiver
    anyio.open_signal_receiver = receiver
    try:
        yield signals
    finally:
        anyio.open_signal_receiver = before


async def the_first_signal_asks_and_the_second_cancels() -> None:
    with signals_by_hand() as signals:
        async with GracefulShutdown() as shutdown:
            signals.put_nowait(signal.SIGTERM)
            await shutdown.wait()
            await sleep(9)
            assert not shutdown.forced
            signals.put_nowait(signal.SIGTERM)
            await sleep(50)
            raise AssertionError("a second signal did not end the block")
        assert shutdown.forced
        assert shutdown.received == (signal.SIGTERM, signal.SIGTERM)
        assert current_time() == 9


async def the_grace_begins_with_the_request() -> None:
    for before in (False, True):
        with signals_by_hand():
            began = current_time()
            shutdown = GracefulShutdown(grace=5)
            if before:
                shutdown.request()
            async with shutdown:
                shutdown.request()
                await sleep(50)
            assert shutdown.forced, "the grace was over"
            assert current_time() == began + 5


CHECKS = (
    kit(partial(conformance.circuit_breaker, lambda: CircuitBreaker(3, 10))),
    kit(
        partial(
            conformance.circuit_breaker,
            lambda: CircuitBreaker(2, 60, success_threshold=2),
            threshold=2,
            timeout=60,
            probes=2,
        ),
        note="two probes",
    ),
    explored(it_opens_after_so_many_failures_in_a_row, stalls=0),
    explored(it_is_open_for_its_timeout_each_time, stalls=0),
    explored(one_probe_at_a_time_and_so_many_in_a_row, stalls=0),
    explored(a_cancelled_call_counts_as_nothing, stalls=0),
    explored(stragglers_from_before_count_for_nothing, stalls=0),
    explored(answers_that_are_excluded_are_no_failures, stalls=0),
    explored(listeners_are_told_in_order_and_disturb_nobody, stalls=0),
    explored(the_first_signal_asks_and_the_second_cancels, stalls=0),
    explored(the_grace_begins_with_the_request, stalls=0),
    *scenarios("resilience"),
)
