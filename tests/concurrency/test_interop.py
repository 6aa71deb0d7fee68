"""Crossing between code that awaits and code that blocks."""

from __future__ import annotations

import contextvars
import functools
import threading

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from concurrency.interop import (
    AsyncAdapter,
    SyncAdapter,
    ThreadContext,
    async_to_sync,
    block_on,
    from_thread,
    run_async,
    run_sync,
    sync_to_async,
    to_thread,
)

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


async def double(number):
    await anyio.lowlevel.checkpoint()
    return number * 2


async def fail():
    await anyio.lowlevel.checkpoint()
    raise ValueError("planted")


async def read_and_write():
    await anyio.lowlevel.checkpoint()
    seen = variable.get()
    variable.set("changed inside")
    return seen


# --- run_sync, run_async: decided by what they are handed


@pytest.mark.parametrize("run", [run_sync, run_async, block_on])
def test_an_awaitable_is_run_to_its_end_without_a_loop(run):
    assert run(double(4)) == 8
    with pytest.raises(ValueError, match="planted"):
        run(fail())


@pytest.mark.parametrize("run", [run_sync, run_async, block_on])
def test_an_awaitable_is_run_to_its_end_inside_a_loop(backend, run):
    async def main():
        assert run(double(4)) == 8
        with pytest.raises(ValueError, match="planted"):
            run(fail())
        # The outer loop is as it was.
        return await double(1)

    assert anyio.run(main, backend=backend) == 2


def test_the_inner_loop_is_of_the_same_kind(backend):
    async def library():
        return anyio.get_cancelled_exc_class().__module__.partition(".")[0]

    async def main():
        return block_on(library())

    assert anyio.run(main, backend=backend) == backend
    assert block_on(library(), backend=backend) == backend
    assert block_on(library()) == "asyncio"


@pytest.mark.parametrize("run", [run_sync, run_async])
def test_a_plain_function_gives_an_awaitable_that_runs_it_in_a_thread(backend, run):
    async def main():
        assert await run(threading.get_ident) != threading.get_ident()
        return await run(int, "ff", base=16)

    assert anyio.run(main, backend=backend) == 255


@pytest.mark.parametrize("run", [run_sync, run_async])
@pytest.mark.parametrize("func", [double, functools.partial(double, 1)])
def test_an_async_function_that_was_not_called_is_refused_with_what_to_write(run, func):
    with pytest.raises(TypeError, match=r"call it, run_a?sync\("):
        run(func)


@pytest.mark.parametrize("run", [run_sync, run_async])
def test_wrong_arguments_are_refused_at_the_call(run):
    coroutine = double(1)
    with pytest.raises(TypeError, match="arguments only for a function"):
        run(coroutine, 2)
    assert coroutine.cr_frame is None
    with pytest.raises(TypeError, match="an awaitable or a function, not 5"):
        run(5)
    with pytest.raises(TypeError, match=r"call it: double\("):
        block_on(double)
    coroutine = double(1)
    with pytest.raises(LookupError, match="knows asyncio and trio"):
        block_on(coroutine, backend="curio")
    assert coroutine.cr_frame is None


def naive_run_async(coroutine):
    """A thread of its own starts with an empty context."""
    results = []
    thread = threading.Thread(target=lambda: results.append(anyio.run(lambda: coroutine)))
    thread.start()
    thread.join()
    return results[0]


async def context_variables_travel(run):
    variable.set("set outside")
    assert run(read_and_write()) == "set outside"
    assert variable.get() == "changed inside"


def test_context_variables_travel_both_ways(backend):
    anyio.run(context_variables_travel, run_async, backend=backend)

    def without_a_loop():
        variable.set("set outside")
        assert run_sync(read_and_write()) == "set outside"
        assert variable.get() == "changed inside"

    contextvars.copy_context().run(without_a_loop)


def test_a_bridge_that_loses_context_variables_is_caught(backend):
    with pytest.raises(AssertionError):
        anyio.run(context_variables_travel, naive_run_async, backend=backend)


def test_an_interrupted_wait_cancels_the_work_and_waits_for_it(monkeypatch):
    ended = []
    begun = threading.Event()

    async def work():
        try:
            begun.set()
            await anyio.sleep_forever()
        finally:
            ended.append(True)

    async def main():
        join = threading.Thread.join

        def interrupted(thread, timeout=None):
            begun.wait(2)
            monkeypatch.setattr(threading.Thread, "join", join)
            raise KeyboardInterrupt

        monkeypatch.setattr(threading.Thread, "join", interrupted)
        with pytest.raises(KeyboardInterrupt):
            block_on(work())
        assert ended == [True]

    anyio.run(main)


# --- from_thread


async def a_worker_thread_calls_back():
    loop_thread = threading.get_ident()

    async def where():
        return threading.get_ident(), await read_and_write()

    def work():
        variable.set("set in the thread")
        seen = from_thread(where())
        return seen, variable.get()

    assert await to_thread(work) == ((loop_thread, "set in the thread"), "changed inside")

    def failing():
        from_thread(fail())

    with pytest.raises(ValueError, match="planted"):
        await to_thread(failing)

    async def coroutine_as_a_result():
        return double(5)

    assert await (await to_thread(lambda: from_thread(coroutine_as_a_result()))) == 10


def test_a_worker_thread_calls_back(backend):
    anyio.run(a_worker_thread_calls_back, backend=backend)


async def any_thread_calls_back_inside_a_thread_context():
    results = []

    def work():
        results.append(from_thread(double(21)))

    async with ThreadContext() as context:
        thread = threading.Thread(target=work)
        thread.start()
        await to_thread(thread.join)
        thread = threading.Thread(target=lambda: results.append(context.call(double(4))))
        thread.start()
        await to_thread(thread.join)
    assert results == [42, 8]


def test_any_thread_calls_back_inside_a_thread_context(backend):
    anyio.run(any_thread_calls_back_inside_a_thread_context, backend=backend)


async def an_inherited_context_is_preferred():
    seen = []

    async def name(text):
        return text

    def work():
        seen.append(from_thread(name("inherited")))

    def lost():
        with pytest.raises(RuntimeError, match="which of 2 open"):
            from_thread(name("lost"))
        seen.append("refused")

    async with ThreadContext(), ThreadContext():
        copied = contextvars.copy_context()
        for target in (functools.partial(copied.run, work), lost):
            thread = threading.Thread(target=target)
            thread.start()
            await to_thread(thread.join)
    assert seen == ["inherited", "refused"]


def test_an_inherited_context_is_preferred(backend):
    anyio.run(an_inherited_context_is_preferred, backend=backend)


async def a_failing_block_cancels_its_calls():
    begun = threading.Event()
    outcome = []

    async def endless():
        begun.set()
        await anyio.sleep_forever()

    def work():
        try:
            from_thread(endless())
        except BaseException as exc:
            outcome.append(type(exc).__name__)

    thread = threading.Thread(target=work)
    with pytest.raises(ZeroDivisionError):
        async with ThreadContext():
            thread.start()
            await to_thread(begun.wait)
            raise ZeroDivisionError
    await to_thread(thread.join)
    assert outcome == ["CancelledError"]


def test_a_failing_block_cancels_its_calls(backend):
    anyio.run(a_failing_block_cancels_its_calls, backend=backend)


async def the_loop_thread_is_refused():
    coroutine = double(1)
    with pytest.raises(RuntimeError, match="write `await`"):
        from_thread(coroutine)
    assert coroutine.cr_frame is None
    async with ThreadContext() as context:
        coroutine = double(1)
        with pytest.raises(RuntimeError, match="write `await`"):
            context.call(coroutine)
        assert coroutine.cr_frame is None
        with pytest.raises(RuntimeError, match="open already"):
            await context.__aenter__()


def test_the_loop_thread_is_refused(backend):
    anyio.run(the_loop_thread_is_refused, backend=backend)


def test_without_a_loop_the_coroutine_is_closed():
    coroutine = double(1)
    with pytest.raises(RuntimeError, match="knows no event loop"):
        from_thread(coroutine)
    assert coroutine.cr_frame is None
    coroutine = double(1)
    with pytest.raises(RuntimeError, match="is not open"):
        ThreadContext().call(coroutine)
    assert coroutine.cr_frame is None
    with pytest.raises(TypeError, match="takes an awaitable"):
        from_thread(5)
    with pytest.raises(TypeError, match="takes an awaitable"):
        ThreadContext().call(double)


# --- adapters


def blocking(text, *, times=1):
    """Repeat."""
    return text * times


async def adapters_dress_functions_for_the_other_world():
    adapted = AsyncAdapter(blocking)
    assert await adapted("a", times=3) == "aaa"
    assert adapted.__doc__ == "Repeat."
    decorated = sync_to_async(blocking)
    assert await decorated("a", times=2) == "aa"
    assert decorated.__name__ == "blocking"
    assert SyncAdapter(double)(2) == 4
    assert async_to_sync(double)(3) == 6


def test_adapters_dress_functions_for_the_other_world(backend):
    anyio.run(adapters_dress_functions_for_the_other_world, backend=backend)
    assert SyncAdapter(double, backend=backend)(2) == 4
    assert async_to_sync(double)(3) == 6


def test_adapters_work_inside_worker_threads(backend):
    async def main():
        return await to_thread(SyncAdapter(double), 4)

    assert anyio.run(main, backend=backend) == 8


@pytest.mark.parametrize(
    ("make", "func", "text"),
    [
        (AsyncAdapter, double, "use it as it is"),
        (sync_to_async, double, "leave the decorator out"),
        (SyncAdapter, blocking, "takes an async function"),
        (async_to_sync, blocking, "takes an async function"),
        (AsyncAdapter, 5, "takes a function"),
        (SyncAdapter, None, "takes a function"),
    ],
)
def test_adapting_the_wrong_kind_is_refused(make, func, text):
    with pytest.raises(TypeError, match=text):
        make(func)
