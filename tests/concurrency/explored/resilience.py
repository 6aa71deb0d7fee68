"""Staying up while others fail, and knowing what is open."""

from __future__ import annotations

import contextlib
import signal

import anyio
import pytest
from explored.table import scenario

from concurrency import (
    BreakerState,
    CircuitBreaker,
    CircuitOpenError,
    Deadline,
    GracefulShutdown,
    LeakInfo,
    LeakTracker,
    Queue,
    ResourceLeakError,
    TaskGroup,
    leak_tracker_fixture,
    sleep,
    track_resource,
    untrack_resource,
)


@scenario("CircuitBreaker", "BreakerState", "CircuitOpenError")
async def an_open_breaker_lets_one_probe_through(make=CircuitBreaker) -> None:
    breaker = make(2, 5.0)
    probing = 0
    refused: list[float] = []

    async def fail() -> None:
        nonlocal probing
        half_open = breaker.state is BreakerState.HALF_OPEN
        probing += half_open
        try:
            assert probing <= 1, "two probes at once"
            await sleep(1)
            raise OSError("down")
        finally:
            probing -= half_open

    async def client() -> None:
        for _ in range(5):
            try:
                await breaker.call(fail)
            except OSError:
                await sleep(1)
            except CircuitOpenError as error:
                refused.append(error.retry_after)
                await sleep(error.retry_after or 1)

    try:
        async with TaskGroup() as tg:
            for _ in range(3):
                tg.start_soon(client)
    finally:
        assert probing == 0
        assert all(0 <= seconds <= 5 for seconds in refused)
    assert breaker.state in {BreakerState.OPEN, BreakerState.HALF_OPEN}


@scenario("Deadline")
async def a_deadline_handed_on_is_kept_by_all_it_reaches() -> None:
    ended: list[bool] = []

    async def part(deadline: Deadline, seconds: float) -> None:
        async with deadline.move_on():
            await sleep(seconds)
            ended.append(deadline.remaining() >= 0)
        assert deadline.expired or ended

    whole = Deadline.after(3)
    async with TaskGroup() as tg:
        tg.start_soon(part, whole.share(0.5), 1)
        tg.start_soon(part, whole, 10)
    assert whole.share(0.5) <= whole
    with contextlib.suppress(TimeoutError):
        async with whole.fail():
            assert Deadline.current() <= whole


@scenario("GracefulShutdown", cancel=(False, True))
async def a_shutdown_asks_first_and_cancels_later() -> None:
    signals: Queue[signal.Signals] = Queue()

    @contextlib.contextmanager
    def receiver(*_signals: signal.Signals):
        # The operating system is outside the simulated world; this stands in its place.
        yield signals

    steps: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anyio, "open_signal_receiver", receiver)

        async def operator() -> None:
            await sleep(1)
            signals.put_nowait(signal.SIGTERM)
            await sleep(1)
            signals.put_nowait(signal.SIGTERM)

        async with TaskGroup() as tg:
            tg.start_soon(operator)
            async with GracefulShutdown(grace=5) as shutdown:
                await shutdown.wait()
                assert shutdown.shutdown_requested
                steps.append("asked")
                await sleep(50)
                steps.append("went on")
            assert shutdown.forced
        assert steps == ["asked"]


@scenario(
    "LeakTracker", "LeakInfo", "ResourceLeakError", "track_resource", "untrack_resource",
    "leak_tracker_fixture", cancel=(False, True),
)  # fmt: skip
async def a_tracker_names_exactly_what_was_left_open() -> None:
    class Connection:
        pass

    kept: list[Connection] = []

    async def use(*, leak: bool) -> None:
        connection = Connection()
        kept.append(connection)
        track_resource(connection, name=f"leak={leak}", kind="connection")
        try:
            await sleep(1)
        finally:
            if not leak:
                untrack_resource(connection)

    fixture = leak_tracker_fixture()
    tracker = next(fixture)
    assert isinstance(tracker, LeakTracker)
    try:
        async with TaskGroup() as tg:
            for leak in (False, True, False):
                tg.start_soon(lambda leak=leak: use(leak=leak))
    finally:
        # A task cut short before its first step has opened nothing.
        expected = ["leak=True"] if len(kept) == 3 else None
        leaks = tracker.check_leaks()
        assert all(isinstance(leak, LeakInfo) for leak in leaks)
        assert {leak.name for leak in leaks} <= {"leak=True"}
        assert expected is None or [leak.name for leak in leaks] == expected
        if leaks:
            with pytest.raises(ResourceLeakError, match="leak=True"):
                next(fixture)
        else:
            fixture.close()
