"""A shutdown that can be trusted, a budget that adds up."""

from __future__ import annotations

import functools
import math
import signal

import anyio
import pytest
from anyio.lowlevel import checkpoint

from concurrency.resilience import (
    Deadline,
    GracefulShutdown,
)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


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
