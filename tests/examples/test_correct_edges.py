"""Correct programs at the edge of asyncio: callbacks, transports, clocks and threads.

What the event loop promises beyond its tasks holds under every schedule; see
``test_correct_code.py`` for the tasks.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import simclock
from simclock.simulation.threads import Standing, frames, standing_of

PROGRAMS: list[Callable[[], Coroutine[Any, Any, None]]] = []
WITHSTAND: list[Callable[[], Coroutine[Any, Any, None]]] = []


def correct(program):
    PROGRAMS.append(program)
    return program


def withstands(program):
    """List a program that is correct under any single cancellation, too."""
    WITHSTAND.append(program)
    return correct(program)


async def hop(times: int = 1) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


@withstands
async def callbacks_run_in_the_order_of_call_soon():
    loop, seen = asyncio.get_running_loop(), []
    for number in range(5):
        loop.call_soon(seen.append, number)
    await asyncio.gather(hop(3), hop(2))
    future = loop.create_future()
    for number in range(5, 8):
        future.add_done_callback(lambda _future, number=number: seen.append(number))
    future.set_result(None)
    while len(seen) < 8:
        await hop()
    assert seen == list(range(8))


class Recorder(asyncio.Protocol):
    def __init__(self):
        self.events = []
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.events.append("made")

    def data_received(self, data):
        assert self.events[0] == "made"
        self.events.append(data)

    def eof_received(self):
        self.events.append("eof")

    def connection_lost(self, exc):
        self.events.append("lost")
        self.lost.set_result(None)


@correct
async def a_protocol_hears_from_its_transport_in_order():
    loop, protocol = asyncio.get_running_loop(), Recorder()

    async def network():
        loop.call_soon(protocol.connection_made, object())
        for data in b"one", b"two":
            loop.call_soon(protocol.data_received, data)
            await asyncio.sleep(0.1)
        loop.call_soon(protocol.eof_received)
        loop.call_soon(protocol.connection_lost, None)

    await asyncio.gather(network(), hop(5), protocol.lost)
    assert protocol.events == ["made", b"one", b"two", "eof", "lost"]


@correct
async def a_stream_reader_has_its_data_before_its_end():
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()

    async def lines():
        return [line async for line in reader]

    async with asyncio.TaskGroup() as tasks:
        read = tasks.create_task(lines())
        tasks.create_task(hop(4))
        loop.call_soon(reader.feed_data, b"first\nsec")
        loop.call_later(0.1, reader.feed_data, b"ond\n")
        loop.call_later(0.2, reader.feed_eof)
        await asyncio.sleep(0.3)
    assert read.result() == [b"first\n", b"second\n"]


@withstands
async def the_clock_of_the_process_follows_the_loop():
    loop = asyncio.get_running_loop()
    before = time.monotonic(), time.perf_counter(), time.time(), loop.time()  # noqa: TID251 - the subject
    await asyncio.gather(asyncio.sleep(1.5), hop(3))
    after = time.monotonic(), time.perf_counter(), time.time(), loop.time()  # noqa: TID251 - as above
    passed = [now - was for was, now in zip(before, after, strict=True)]
    assert min(passed) >= 1.499
    assert max(passed) - min(passed) < 1e-6


@correct
async def a_timer_set_for_now_until_time_has_passed_does_not_stop_the_clock():
    # Rate limiters do this, when rounding leaves less to wait for than the clock can tell.
    loop, passed = asyncio.get_running_loop(), asyncio.Event()
    start = loop.time()

    def look():
        if loop.time() > start:
            passed.set()
        else:
            loop.call_at(loop.time(), look)

    look()
    await passed.wait()


@correct
async def threads_work_and_are_no_deadlock():
    total, length = await asyncio.gather(
        asyncio.to_thread(sum, range(10)),
        asyncio.get_running_loop().run_in_executor(None, len, "four"),
    )
    assert (total, length) == (45, 4)


@correct
async def a_thread_calls_into_the_loop():
    loop, woken = asyncio.get_running_loop(), asyncio.Event()

    async def double(number):
        await hop()
        return number * 2

    def work():
        loop.call_soon_threadsafe(woken.set)
        return asyncio.run_coroutine_threadsafe(double(21), loop).result()

    assert await asyncio.to_thread(work) == 42
    await woken.wait()


@correct
async def a_cancelled_wait_for_a_thread_leaves_the_thread_to_end():
    loop, started, ended = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    release = threading.Event()

    def work():
        loop.call_soon_threadsafe(started.set)
        release.wait()
        loop.call_soon_threadsafe(ended.set)

    task = asyncio.create_task(asyncio.to_thread(work))
    await started.wait()
    task.cancel()
    await asyncio.wait([task])
    release.set()
    await ended.wait()
    assert task.cancelled()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_no_schedule_accuses_a_correct_program(program, accused):
    assert accused(program, cancel=False, schedules=300) is None


@pytest.mark.parametrize("program", WITHSTAND, ids=lambda program: program.__name__)
def test_no_cancellation_accuses_a_program_that_withstands_them(program, accused):
    assert accused(program, cancel=True, schedules=300) is None


@pytest.mark.deep
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_not_one_of_a_thousand_schedules_accuses_a_correct_program(program, accused):
    assert accused(program, cancel=program in WITHSTAND, schedules=1_000) is None


def test_timers_of_one_instant_fire_in_the_order_of_their_making_on_the_calm_schedule():
    async def main():
        seen = []
        for number in range(4):
            asyncio.get_running_loop().call_later(1, seen.append, number)
        await asyncio.sleep(1)
        return seen

    assert simclock.run(main) == [0, 1, 2, 3]


def test_a_thread_that_was_woken_and_has_not_run_since_is_not_taken_for_one_that_waits():
    turn = threading.Condition()

    def wait():
        with turn:
            turn.wait()

    thread = threading.Thread(target=wait)
    thread.start()

    def standing():
        return standing_of(thread, frames(), lambda _thread, _frame: None)

    while standing() is Standing.ACTIVE:
        pass
    with turn:
        turn.notify()
        # It cannot leave wait() before it has the lock again.
        woken = standing()
    thread.join()

    assert woken is Standing.ACTIVE
