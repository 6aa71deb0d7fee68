"""Correct AnyIO programs: no schedule may accuse any of them, on either backend."""

import contextvars
import threading

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from anyio.lowlevel import checkpoint

PROGRAMS = []
WITHSTAND = []


def correct(program):
    PROGRAMS.append(program)
    return program


def withstands(program):
    """List a program that is correct under any single cancellation, too."""
    WITHSTAND.append(program)
    return correct(program)


@withstands
async def cleanup_is_shielded():
    opened, closed = [], []

    async def use():
        opened.append(True)
        try:
            await anyio.sleep(1)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.5)
                closed.append(True)

    try:
        with anyio.move_on_after(0.7):
            await use()
    finally:
        assert closed == opened


@withstands
async def scopes_nest_and_the_outer_one_may_win():
    with anyio.move_on_after(2) as outer:
        with anyio.move_on_after(1) as inner:
            await anyio.sleep_forever()
        await checkpoint()
    assert inner.cancelled_caught or outer.cancelled_caught


@withstands
async def a_limiter_limits():
    limiter, inside = anyio.CapacityLimiter(2), 0

    async def work():
        nonlocal inside
        async with limiter:
            inside += 1
            try:
                assert inside <= 2
                await anyio.sleep(0.1)
            finally:
                inside -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(work)
    assert limiter.borrowed_tokens == 0


@correct
async def a_portal_takes_calls_from_a_thread():
    async def double(number):
        await checkpoint()
        return number * 2

    async with anyio.from_thread.BlockingPortal() as portal:
        assert await anyio.to_thread.run_sync(portal.call, double, 21) == 42


@correct
async def a_worker_thread_calls_back():
    user = contextvars.ContextVar("user", default="nobody")
    user.set("somebody")

    async def double(number):
        await checkpoint()
        return number * 2

    def work():
        assert user.get() == "somebody"
        return anyio.from_thread.run(double, 21)

    assert await anyio.to_thread.run_sync(work) == 42


@correct
async def a_thread_is_waited_for_although_the_scope_was_cancelled():
    release, done = threading.Event(), []

    def work():
        release.wait()
        done.append(True)

    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            scope.cancel()
            release.set()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(work)
        tasks.start_soon(checkpoint)
    assert done


@withstands
async def a_service_says_when_it_has_started():
    async def serve(*, task_status):
        await anyio.sleep(0.1)
        task_status.started("address")
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        assert await tasks.start(serve) == "address"
        tasks.cancel_scope.cancel()


@correct
async def clones_of_a_stream_are_closed_by_those_who_use_them():
    send, receive = anyio.create_memory_object_stream(1)
    seen = []

    async def produce(clone, items):
        async with clone:
            for item in items:
                await clone.send(item)

    async def consume():
        async with receive:
            async for item in receive:
                seen.append(item)

    try:
        async with anyio.create_task_group() as tasks:
            async with send:
                tasks.start_soon(consume)
                tasks.start_soon(produce, send.clone(), "ab")
                tasks.start_soon(produce, send.clone(), "cd")
            await anyio.sleep(0.1)
        assert sorted(seen) == list("abcd")
    finally:
        # Whatever was never started has not closed its own.
        send.close()
        receive.close()


@withstands
async def a_failure_cancels_the_others_and_comes_out_in_a_group():
    async def fail():
        await anyio.sleep(0.1)
        raise ValueError

    caught = False
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            tasks.start_soon(fail)
    except* ValueError:
        caught = True
    assert caught


@withstands
async def a_condition_is_waited_for_in_a_loop():
    ready, turns = anyio.Condition(), []

    async def take_turn(number):
        async with ready:
            while len(turns) != number:
                await ready.wait()
            turns.append(number)
            ready.notify_all()

    async with anyio.create_task_group() as tasks:
        for number in (2, 0, 1):
            tasks.start_soon(take_turn, number)
    assert turns == [0, 1, 2]


@correct
async def an_event_wakes_everybody():
    start, woken = anyio.Event(), []

    async def wait(number):
        await start.wait()
        woken.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(wait, number)
        await anyio.sleep(0.1)
        start.set()
    assert sorted(woken) == [0, 1, 2]


@withstands
async def a_lock_is_handed_on_when_its_holder_gives_up():
    lock, held = anyio.Lock(), 0

    async def hold(seconds):
        nonlocal held
        with anyio.move_on_after(0.25):
            async with lock:
                held += 1
                try:
                    assert held == 1
                    await anyio.sleep(seconds)
                finally:
                    held -= 1

    async with anyio.create_task_group() as tasks:
        for seconds in (0.2, 0.1, 0.3):
            tasks.start_soon(hold, seconds)
    lock.acquire_nowait()
    lock.release()


@withstands
async def a_deadline_is_kept_to_the_float():
    start = anyio.current_time()
    await anyio.sleep(0.1)
    assert start + 0.1 <= anyio.current_time()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_no_schedule_accuses_a_correct_program(program, backend, accused):
    assert accused(program, cancel=False, schedules=300, backend=backend) is None


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("program", WITHSTAND, ids=lambda program: program.__name__)
def test_no_cancellation_accuses_a_program_that_withstands_them(program, backend, accused):
    assert accused(program, cancel=True, schedules=300, backend=backend) is None


@pytest.mark.deep
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_not_one_of_a_thousand_schedules_accuses_a_correct_program(program, backend, accused):
    cancel = program in WITHSTAND
    assert accused(program, cancel=cancel, schedules=1_000, backend=backend) is None
