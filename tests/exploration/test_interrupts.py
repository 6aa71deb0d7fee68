"""An interrupt ends an exploration, wherever it comes, and can be shown."""

from __future__ import annotations

import asyncio
import re
import signal
import warnings
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType, TracebackType

import anyio
import pytest
from anyio.lowlevel import checkpoint

import simclock
from simclock.errors import SimulationError
from simclock.exploration.stopping import keep_lines


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT mean what it means to a program that nobody started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_that_the_program_swallows_ends_the_exploration() -> None:
    runs = 0

    async def main() -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(1)
        if runs == 3:
            # As a finaliser would swallow it.
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as caught:
        simclock.explore(main, schedules=100)

    # The fourth finds out the schedule of the third.
    assert runs == 4
    assert "simclock: interrupted after 1 schedules" in caught.value.__notes__[0]


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_schedule_that_is_told_leads_to_where_the_interrupt_came(backend: str) -> None:
    ended: list[str] = []

    async def main() -> None:
        del ended[:]

        async def worker(name: str) -> None:
            for _ in range(3):
                await checkpoint()
            ended.append(name)
            if ended == ["c", "b", "a"]:
                # As if it never ended, and somebody lost patience.
                signal.raise_signal(signal.SIGINT)

        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(worker, name)

    with pytest.raises((KeyboardInterrupt, BaseExceptionGroup)) as first:
        simclock.explore(main, backend=backend, schedules=1_000)
    (note,) = first.value.__notes__
    (schedule,) = re.findall("schedule='(s1:.*)'", note)
    with pytest.raises((KeyboardInterrupt, BaseExceptionGroup)):
        simclock.replay(main, schedule=schedule)

    assert "`worker" in note
    assert ended == ["c", "b", "a"]


@pytest.mark.usefixtures("interruptible")
def test_the_signal_is_given_back_after_an_exploration() -> None:
    async def main() -> None:
        await anyio.sleep(1)

    simclock.explore(main, schedules=2, backend=("asyncio", "trio"))

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("interruptible")
def test_the_signal_is_given_back_by_a_world_that_could_not_be_entered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        await asyncio.sleep(1)

    # As on a Python that reports unawaited coroutines in some other way.
    monkeypatch.delattr(warnings, "_warn_unawaited_coroutine")
    with pytest.raises(SimulationError, match="never awaited"):
        simclock.explore(main, schedules=2)

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("interruptible")
def test_a_handler_of_the_program_is_left_alone() -> None:
    heard: list[int] = []

    async def main() -> None:
        await asyncio.sleep(1)
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    simclock.explore(main, schedules=2)

    assert heard[:2] == [signal.SIGINT, signal.SIGINT]


def _fail_with_a_closure() -> TracebackType:
    cell = None

    def fail() -> None:
        nonlocal cell
        cell = 1
        raise ValueError

    with pytest.raises(ValueError) as caught:
        fail()
    assert caught.tb.tb_next is not None
    return caught.tb


def test_places_without_a_line_are_left_out_of_what_is_shown() -> None:
    trace = _fail_with_a_closure()
    below = trace.tb_next
    assert below is not None
    frame: FrameType = below.tb_frame
    # The first instruction of a closure belongs to no line.
    trace.tb_next = TracebackType(below, frame, 0, -1)
    assert trace.tb_next.tb_lineno is None

    keep_lines(trace)

    assert trace.tb_next is below
