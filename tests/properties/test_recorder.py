"""Recorded runs: what tasks called, told apart, with its start and its end."""

from __future__ import annotations

import anyio
import pytest
from anyio.lowlevel import checkpoint

import concurrency
import simclock
from properties.linearizability import (
    Ending,
    NotLinearizableError,
    Recorder,
    assert_linearizable,
    check_linearizability,
)
from properties.models import CounterModel, LockModel, QueueModel, Raised, RegisterModel
from simclock import UsageError


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


class Counter:
    """A planted bug: other tasks run between its reading and its writing."""

    def __init__(self):
        self.number = 0

    async def fetch_and_add(self):
        was = self.number
        await checkpoint()
        self.number = was + 1
        return was


class SharedCounter(Counter):
    """The same, mended with a lock."""

    def __init__(self):
        super().__init__()
        self.lock = concurrency.Lock()

    async def fetch_and_add(self):
        async with self.lock:
            return await super().fetch_and_add()


async def count(make):
    recorder, counter = Recorder(), make()

    async def worker():
        await recorder.call("fetch_and_add", counter.fetch_and_add)

    async with anyio.create_task_group() as tg:
        for _ in range(3):
            tg.start_soon(worker)
    assert_linearizable(recorder.history(), CounterModel())


def test_lost_additions_have_no_order(backend):
    with pytest.raises(NotLinearizableError) as caught:
        simclock.explore(count, Counter, backend=backend, schedules=50)

    assert "fetch_and_add() → 0" in str(caught.value)
    assert "worker-2" in str(caught.value)


def test_additions_under_a_lock_have_one(backend):
    simclock.explore(count, SharedCounter, backend=backend, schedules=50)


async def hand_over(cut_off):
    recorder, queue = Recorder(cut_off=cut_off), concurrency.Queue.with_maxsize(1)
    watched = recorder.watch(queue, ["put", "get", "qsize"])

    async def putter(first):
        for item in range(first, first + 3):
            await watched.put(item)
            watched.qsize()

    async def getter():
        for _ in range(3):
            await watched.get()

    async with anyio.create_task_group() as tg:
        tg.start_soon(putter, 10)
        tg.start_soon(putter, 20)
        tg.start_soon(getter)
        tg.start_soon(getter)
    return recorder.history()


def test_our_queue_is_a_queue_under_every_schedule_and_cancellation(backend):
    async def main():
        # A put that is cancelled has not put, and a get has not taken.
        assert_linearizable(await hand_over("never"), QueueModel(1))

    simclock.explore(main, backend=backend, schedules=100, cancel=True)


def test_tasks_are_named_after_their_functions_and_numbered(backend):
    history = simclock.run(hand_over, "open", backend=backend)

    assert {call.task for call in history} == {"putter", "putter-2", "getter", "getter-2"}


@pytest.mark.parametrize(
    ("cut_off", "endings"), [("open", [Ending.OPEN]), ("during", [Ending.CUT_OFF]), ("never", [])]
)
def test_a_cancelled_call_is_recorded_as_the_recorder_is_told(backend, cut_off, endings):
    async def main():
        recorder = Recorder(cut_off=cut_off)
        with anyio.move_on_after(1):
            await recorder.call("get", anyio.sleep_forever)
        return recorder.history()

    assert [call.ending for call in simclock.run(main, backend=backend)] == endings


def test_a_call_that_still_runs_is_open_whatever_the_recorder_is_told(backend):
    async def main():
        recorder = Recorder(cut_off="never")
        async with anyio.create_task_group() as tg:
            tg.start_soon(recorder.call, "get", anyio.sleep_forever)
            await anyio.sleep(1)
            history = recorder.history()
            tg.cancel_scope.cancel()
        return history

    assert [call.ending for call in simclock.run(main, backend=backend)] == [Ending.OPEN]


def test_an_exception_is_a_response(backend):
    async def main():
        recorder, lock = Recorder(), concurrency.Lock()
        with pytest.raises(RuntimeError):
            recorder.call_nowait("release", lock.release)
        await recorder.call("acquire", lock.acquire)
        return recorder.history()

    history = simclock.run(main, backend=backend)

    assert history.calls[0].response == Raised(RuntimeError)
    assert check_linearizability(history, LockModel()).explained


def test_a_write_on_its_way_may_land_after_its_caller_gave_up(backend):
    async def main():
        recorder, stored = Recorder(), {}

        async def read():
            return stored.get("k")

        async def write(value):
            # A server: it goes on when its client does not.
            async def land():
                await anyio.sleep(2)
                stored["k"] = value

            tg.start_soon(land)
            await anyio.sleep(5)

        async with anyio.create_task_group() as tg:
            with anyio.move_on_after(1):
                await recorder.call("write", lambda _key, value: write(value), "k", 1)
            await recorder.call("read", lambda _key: read(), "k")
            await anyio.sleep(2)
            await recorder.call("read", lambda _key: read(), "k")
        return recorder.history()

    history = simclock.run(main, backend=backend)

    assert [call.response for call in history.calls[1:]] == [None, 1]
    assert check_linearizability(history, RegisterModel()).explained


def test_a_cut_off_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="'open', 'during' or 'never', not 'maybe'"):
        Recorder(cut_off="maybe")


def test_watching_a_method_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="list has none called 'put'"):
        Recorder().watch([], ["put"])
