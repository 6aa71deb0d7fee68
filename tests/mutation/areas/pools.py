"""Checks of thread pools. The threads are real, so a few schedules have to do."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
from collections.abc import AsyncIterator

import anyio
from checking import NATIVE, explored, scenarios

from concurrency import LeakTracker, TaskGroup, ThreadPool, checkpoint, move_on_after, run_in_thread

REAL_SECONDS = 3
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class Gate:
    """A function that begins, waits to be let go, and ends."""

    def __init__(self) -> None:
        self.begun, self.opened, self.ended = (threading.Event() for _ in range(3))

    def wait(self) -> str:
        self.begun.set()
        assert self.opened.wait(REAL_SECONDS)
        self.ended.set()
        return "through"

    async def reached(self) -> None:
        await anyio.to_thread.run_sync(self.begun.wait, REAL_SECONDS)


@contextlib.asynccontextmanager
async def opened_at_last(*gates: Gate) -> AsyncIterator[None]:
    """Let the threads go if the block fails, or each run of the search would wait for them."""
    try:
        yield
    finally:
        for gate in gates:
            gate.opened.set()


async def some_steps() -> None:
    for _ in range(20):
        await checkpoint()


async def leaving_the_pool_waits_for_every_call() -> None:
    gates = [Gate(), Gate()]

    async def open_them() -> None:
        async with opened_at_last(*gates):
            for gate in gates:
                await gate.reached()
            for gate, one_call in zip(gates, calls, strict=True):
                await some_steps()
                assert not left, "the pool was left while a call was in flight"
                gate.opened.set()
                await one_call.wait()

    left = False
    async with TaskGroup() as tg:
        async with ThreadPool(2) as pool:
            calls = [tg.spawn(pool.run, gate.wait) for gate in gates]
            tg.start_soon(open_them)
            for gate in gates:
                await gate.reached()
        left = True
        assert all(gate.ended.is_set() for gate in gates)
        try:
            await pool.run(int)
        except RuntimeError:
            return
        raise AssertionError("a pool that was left took a call")


async def a_failed_call_is_not_in_flight() -> None:
    def fail() -> None:
        variable.set("set before it failed")
        raise OSError

    async with ThreadPool(1) as pool:
        for _ in range(2):
            try:
                await pool.run(fail)
            except OSError:
                assert variable.get() == "set before it failed"
                variable.set("unset")
            else:
                raise AssertionError("the exception was swallowed")
        await pool.run(variable.set, "set")
        assert variable.get() == "set", "what the function set was lost"


async def a_pool_has_no_more_threads_than_it_has() -> None:
    first, second = Gate(), Gate()
    async with ThreadPool(1) as pool, TaskGroup() as tg, opened_at_last(first, second):
        tg.start_soon(pool.run, first.wait)
        await first.reached()
        tg.start_soon(pool.run, second.wait)
        await some_steps()
        # A thread that was wrongly started has begun by the time another has come and gone.
        await anyio.to_thread.run_sync(int)
        await anyio.to_thread.run_sync(second.begun.wait, 0.05)
        assert not second.begun.is_set(), "two calls in a pool of one"
        first.opened.set()
        await second.reached()
        second.opened.set()


async def a_call_that_gave_up_waiting_never_begins_and_keeps_no_place() -> None:
    first, second = Gate(), Gate()
    async with ThreadPool(1) as pool, TaskGroup() as tg, opened_at_last(first, second):
        tg.start_soon(pool.run, first.wait)
        await first.reached()
        with move_on_after(0):
            await pool.run(second.wait)
        first.opened.set()
        assert await pool.run(lambda: "free again") == "free again"
        assert not second.begun.is_set()


async def a_natively_cancelled_call_waits_for_its_thread() -> None:
    gate = Gate()
    pool = ThreadPool(1)
    task = asyncio.create_task(pool.run(gate.wait))
    async with opened_at_last(gate):
        await gate.reached()
        task.cancel()
        await some_steps()
        task.cancel()
        await some_steps()
        assert not task.done(), "the thread was left behind"
    await asyncio.wait([task])
    assert task.cancelled(), "the cancellation was swallowed"
    assert gate.ended.is_set()
    assert await pool.run(lambda: "free again") == "free again"


async def a_call_withdrawn_before_it_began_never_runs() -> None:
    from concurrency._pools.threads import ThreadCall

    ran: list[str] = []
    call = ThreadCall(ran.append, ["ran"], {})
    assert call.withdraw()
    await anyio.to_thread.run_sync(call.run)
    assert not ran, "a call that was withdrawn ran all the same"


async def an_abandoned_thread_keeps_its_place_and_is_listed() -> None:
    gate, second = Gate(), Gate()
    second.opened.set()
    pool = ThreadPool(1, abandon_on_cancel=True)
    tracker = LeakTracker()
    logging.disable(logging.CRITICAL)
    tracker.__enter__()
    try:
        async with TaskGroup() as tg, opened_at_last(gate):
            abandoned = tg.spawn(pool.run, gate.wait)
            await gate.reached()
            abandoned.cancel()
            await some_steps()
            assert abandoned.done
            assert [leak.kind for leak in tracker.live()] == ["thread"]
            waiting = tg.spawn(pool.run, second.wait)
            await some_steps()
            await anyio.to_thread.run_sync(second.begun.wait, 0.05)
            assert not second.begun.is_set(), "an abandoned thread gave its place away"
            gate.opened.set()
            assert await waiting.wait() == "through"
        assert tracker.live() == [], "an abandoned thread that has ended is still listed"
    finally:
        logging.disable(logging.NOTSET)
        tracker.clear()
        tracker.__exit__(None, None, None)


async def a_function_gives_what_it_gives() -> None:
    assert await run_in_thread(lambda: 6 * 7) == 42
    try:
        await run_in_thread(int, "x")
    except ValueError:
        return
    raise AssertionError("the exception was swallowed")


SHARE = 0.02
CHECKS = (
    explored(leaving_the_pool_waits_for_every_call, share=SHARE),
    explored(a_failed_call_is_not_in_flight, share=SHARE),
    explored(a_pool_has_no_more_threads_than_it_has, share=SHARE),
    explored(a_call_that_gave_up_waiting_never_begins_and_keeps_no_place, share=SHARE),
    explored(a_natively_cancelled_call_waits_for_its_thread, share=SHARE, backends=NATIVE),
    explored(a_call_withdrawn_before_it_began_never_runs, share=SHARE),
    explored(an_abandoned_thread_keeps_its_place_and_is_listed, share=SHARE),
    explored(a_function_gives_what_it_gives, share=SHARE),
    *scenarios("threads"),
)
