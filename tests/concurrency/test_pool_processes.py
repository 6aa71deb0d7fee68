"""Processes: every call is accounted for, and says how it ended."""

from __future__ import annotations

import contextvars
import math
import os
import pickle
import textwrap
import threading

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest

from concurrency.pool import (
    ProcessPool,
    RemoteTraceback,
    WorkerError,
    run_in_process,
)

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


@pytest.fixture
def gate():
    """A gate that threads wait at; opened at the end, so that no failing test hangs."""
    opened = threading.Event()
    yield opened
    opened.set()


# --- processes


async def a_process_computes_elsewhere():
    async with ProcessPool(1) as pool:
        assert await pool.run(math.factorial, 5) == 120
        assert await pool.run(os.getpid) != os.getpid()
        assert await pool.run(int, "ff", base=16) == 255
        with pytest.raises(ValueError, match="math domain error") as caught:
            await pool.run(math.sqrt, -1)
        assert isinstance(caught.value.__cause__, RemoteTraceback)
        assert "math domain error" in caught.value.__cause__.text
        with pytest.raises(WorkerError, match="cannot be pickled"):
            await pool.run(threading.Lock)
        with pytest.raises(TypeError, match="must be picklable"):
            await pool.run(lambda: 1)
        with pytest.raises(SystemExit):
            await pool.run(os.sys.exit, 3)
        with pytest.raises(anyio.BrokenWorkerProcess, match="_exit ended before"):
            await pool.run(os._exit, 1)
        assert await pool.run(abs, -1) == 1
    with pytest.raises(RuntimeError, match="takes no more calls"):
        await pool.run(abs, -1)


def test_a_process_computes_elsewhere_and_says_how_it_ends(backend):
    anyio.run(a_process_computes_elsewhere, backend=backend)


def test_cancelling_a_process_call_kills_the_process(backend, tmp_path):
    mark = tmp_path / "pid"
    program = f"""
        import os, time
        with open({str(mark) + ".new"!r}, "w") as file:
            file.write(str(os.getpid()))
        os.rename({str(mark) + ".new"!r}, {str(mark)!r})
        time.sleep(60)
    """

    async def main():
        async with anyio.create_task_group() as tg:
            tg.start_soon(run_in_process, exec, textwrap.dedent(program))
            while not mark.exists():
                await anyio.sleep(0.002)
            tg.cancel_scope.cancel()

    anyio.run(main, backend=backend)
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_native_cancellation_of_a_process_call_frees_its_place():
    import asyncio

    async def main():
        pool = ProcessPool(1)
        await pool.run(abs, -1)
        task = asyncio.ensure_future(pool.run(exec, "import time; time.sleep(60)"))
        await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await pool.run(abs, -2) == 2

    asyncio.run(main())


MODULE = """
    import functools
    from concurrency.pool import ProcessPool, processpool

    @processpool
    def square(x):
        return x * x

    @processpool(pool=ProcessPool(1))
    def negate(x):
        return -x

    class Number:
        def __init__(self, value):
            self.value = value

        @processpool
        def plus(self, other):
            return self.value + other

    class UnfitError(Exception):
        def __init__(self, left, right):
            super().__init__(f"{left} and {right} do not fit")

    @processpool
    def unfit():
        raise UnfitError(1, 2)

    def naive_processpool(func):
        from concurrency.pool import run_in_process

        @functools.wraps(func)
        async def wrapper(*args):
            return await run_in_process(func, *args)

        return wrapper

    @naive_processpool
    def cube(x):
        return x ** 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module that a worker process can import too."""
    import importlib
    import sys

    (tmp_path / "decorated_for_processes.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("decorated_for_processes")
    del sys.modules["decorated_for_processes"]


def test_a_decorated_function_finds_itself_in_the_worker(backend, module):
    async def main():
        assert await module.square(3) == 9
        assert await module.negate(3) == -3
        assert await module.Number(3).plus(4) == 7
        with pytest.raises(WorkerError, match="1 and 2 do not fit") as caught:
            await module.unfit()
        assert "UnfitError" in caught.value.__cause__.text
        with pytest.raises(TypeError, match="must be picklable"):
            await module.cube(3)

    anyio.run(main, backend=backend)
    assert pickle.loads(pickle.dumps(module.square)) is module.square
    assert module.square.__wrapped__(4) == 16
    assert module.square.__name__ == "square"
