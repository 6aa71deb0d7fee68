"""Threads in a pool: results, errors, context and limits, while the loop keeps turning."""

from __future__ import annotations

import concurrent.futures
import contextvars
import functools
import threading
import traceback

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
from anyio.lowlevel import checkpoint

from concurrency.pool import (
    ProcessPool,
    ThreadPool,
    processpool,
    run_in_process,
    run_in_thread,
    threadpool,
)

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


async def everything_settled():
    """Let all others run until they have nothing left to do."""
    for _ in range(30):
        await checkpoint()
    # Where time is simulated it passes only once nobody can run.
    await anyio.sleep(0.0001)


@pytest.fixture
def gate():
    """A gate that threads wait at; opened at the end, so that no failing test hangs."""
    opened = threading.Event()
    yield opened
    opened.set()


# --- threads: results, errors, context


async def a_call_returns_what_the_function_returns():
    async with ThreadPool(2) as pool:
        assert await pool.run(lambda a, *, b: (a, b), 1, b=2) == (1, 2)
        assert await pool.run(threading.get_ident) != threading.get_ident()
    assert await run_in_thread(divmod, 7, 2) == (3, 1)


def test_a_call_returns_what_the_function_returns(backend):
    anyio.run(a_call_returns_what_the_function_returns, backend=backend)


def failing_function():
    raise ValueError("planted")


async def an_error_keeps_its_traceback():
    with pytest.raises(ValueError, match="planted") as caught:
        await run_in_thread(failing_function)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-1] == "failing_function"


def test_an_error_keeps_its_traceback(backend):
    anyio.run(an_error_keeps_its_traceback, backend=backend)


async def base_exceptions_come_through():
    def leave():
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        await run_in_thread(leave)


def test_base_exceptions_come_through(backend):
    anyio.run(base_exceptions_come_through, backend=backend)


async def context_variables_travel_both_ways():
    def read_and_write():
        seen = variable.get()
        variable.set("from the thread")
        return seen

    variable.set("from the task")
    assert await run_in_thread(read_and_write) == "from the task"
    assert variable.get() == "from the thread"

    def write_and_fail():
        variable.set("before the error")
        raise KeyError

    with pytest.raises(KeyError):
        await run_in_thread(write_and_fail)
    assert variable.get() == "before the error"
    # The loop is still known: the thread's idea of it did not travel.
    await anyio.lowlevel.checkpoint()


def test_context_variables_travel_both_ways(backend):
    anyio.run(context_variables_travel_both_ways, backend=backend)


async def a_coroutine_may_be_a_result():
    async def later():
        return "awaited here"

    def make():
        return later()

    assert await (await run_in_thread(make)) == "awaited here"


def test_a_coroutine_may_be_a_result(backend):
    anyio.run(a_coroutine_may_be_a_result, backend=backend)


# --- threads: limits and order


async def no_more_threads_than_allowed():
    running = peak = 0
    lock = threading.Lock()
    order = []
    full = threading.Event()

    def work(number):
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
            order.append(number)
            if running == 2:
                full.set()
        full.wait(2)
        with lock:
            running -= 1

    async with ThreadPool(2) as pool, anyio.create_task_group() as tg:
        for number in range(6):
            tg.start_soon(pool.run, work, number)
            await everything_settled()
    assert peak == 2
    assert sorted(order[:2]) == [0, 1]
    assert sorted(order) == list(range(6))


def test_no_more_threads_than_allowed(backend):
    anyio.run(no_more_threads_than_allowed, backend=backend)


def test_a_pool_may_be_made_before_and_outlive_an_event_loop():
    threads, processes = ThreadPool(1), ProcessPool(1)
    for name in ("asyncio", "trio", "asyncio"):
        assert anyio.run(threads.run, int, "3", backend=name) == 3
        assert anyio.run(processes.run, int, "3", backend=name) == 3


# --- threads: leaving the pool


class NaiveThreadPool:
    """Wait for the threads where the loop should turn."""

    def __init__(self, workers):
        self._executor = concurrent.futures.ThreadPoolExecutor(workers)

    async def run(self, func, *args):
        future = self._executor.submit(func, *args)
        while not future.done():
            await anyio.sleep(0.001)
        return future.result()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self._executor.shutdown(wait=True)


async def leaving_lets_the_loop_turn(make_pool):
    begun = threading.Event()
    released = threading.Event()
    opened_by_loop = False

    def blocking():
        begun.set()
        # Only the loop can open this; a blocked loop leaves it to the timeout.
        return released.wait(0.2)

    async def open_later():
        await anyio.to_thread.run_sync(begun.wait)
        await anyio.sleep(0.003)
        released.set()

    async def call():
        nonlocal opened_by_loop
        opened_by_loop = await pool.run(blocking)

    async with anyio.create_task_group() as tg:
        async with make_pool(1) as pool:
            tg.start_soon(call)
            tg.start_soon(open_later)
            await anyio.to_thread.run_sync(begun.wait)
    assert opened_by_loop


def test_leaving_a_thread_pool_lets_the_loop_turn(backend):
    anyio.run(leaving_lets_the_loop_turn, ThreadPool, backend=backend)


def test_a_pool_that_blocks_the_loop_is_caught(backend):
    with pytest.raises(ExceptionGroup) as caught:
        anyio.run(leaving_in_a_group, NaiveThreadPool, backend=backend)
    assert caught.value.subgroup(AssertionError)


async def leaving_in_a_group(make_pool):
    async with anyio.create_task_group() as tg:
        tg.start_soon(leaving_lets_the_loop_turn, make_pool)


async def leaving_waits_for_the_calls_and_refuses_new_ones(gate):
    done = []
    pool = ThreadPool(1)

    async def call(number):
        await pool.run(gate.wait, 2)
        done.append(number)

    async with anyio.create_task_group() as tg:
        async with pool:
            tg.start_soon(call, 1)
            tg.start_soon(call, 2)
            await everything_settled()
            gate.set()
        # The second waited for the thread when the pool was left: it was not dropped.
        assert sorted(done) == [1, 2]
        with pytest.raises(RuntimeError, match="takes no more calls"):
            await pool.run(int)
        with pytest.raises(RuntimeError, match="takes no more calls"):
            await pool.__aenter__()


def test_leaving_waits_for_the_calls_and_refuses_new_ones(backend, gate):
    anyio.run(leaving_waits_for_the_calls_and_refuses_new_ones, gate, backend=backend)


# --- decorators and wrong arguments


async def a_decorated_function_runs_in_a_thread():
    pool = ThreadPool(1)

    @threadpool
    def where():
        """Tell the thread."""
        return threading.get_ident()

    @threadpool(pool=pool)
    def also_where():
        return threading.get_ident()

    assert await where() != threading.get_ident()
    assert await also_where() != threading.get_ident()
    assert where.__doc__ == "Tell the thread."
    assert where.__wrapped__() == threading.get_ident()


def test_a_decorated_function_runs_in_a_thread(backend):
    anyio.run(a_decorated_function_runs_in_a_thread, backend=backend)


async def async_function():
    """Must not be handed to a thread."""


class AsyncCallable:
    async def __call__(self):
        """As above."""


@pytest.mark.parametrize(
    "run", [run_in_thread, run_in_process, ThreadPool(1).run, ProcessPool(1).run]
)
@pytest.mark.parametrize(
    "func", [async_function, functools.partial(async_function), AsyncCallable()]
)
def test_async_functions_are_refused(backend, run, func):
    with pytest.raises(TypeError, match="write `await"):
        anyio.run(run, func, backend=backend)


def test_a_coroutine_is_refused_and_closed(backend):
    coroutine = async_function()
    with pytest.raises(TypeError, match=r"write f, not f\(\)"):
        anyio.run(run_in_thread, coroutine, backend=backend)
    assert coroutine.cr_frame is None


@pytest.mark.parametrize("decorate", [threadpool, processpool])
def test_decorating_an_async_function_is_refused(decorate):
    with pytest.raises(TypeError, match="leave the decorator out"):
        decorate(async_function)


@pytest.mark.parametrize("decorate", [threadpool, processpool])
def test_decorating_with_something_else_than_a_pool_is_refused(decorate):
    with pytest.raises(TypeError, match="Pool, not 5"):
        decorate(pool=5)
    assert decorate()(int).__wrapped__ is int


@pytest.mark.parametrize("make", [ThreadPool, ProcessPool])
@pytest.mark.parametrize(
    ("workers", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_a_pool_has_a_whole_number_of_workers(make, workers, error):
    with pytest.raises(error, match="max_workers"):
        make(workers)
