"""What simclock relies on in asyncio, AnyIO and Python, and what it says where that has moved."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import warnings
from asyncio import base_events, events
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import thread as pools

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from anyio._backends import _asyncio as backend

import simclock
from simclock.on_asyncio import anyio_seam, new_event_loop, seams, stock
from simclock.simulation import threads

REFUSAL = "use a simclock that names this (Python|AnyIO) version as supported"


def test_the_stock_loop_has_what_the_simulated_loop_builds_on() -> None:
    stock.check_stock_loop(base_events.BaseEventLoop)


@pytest.mark.parametrize("name", ["_check_running", "_run_once", "_timer_handle_cancelled"])
def test_a_python_that_moved_a_method_of_the_loop_is_refused(name: str) -> None:
    moved = type("Moved", (), {})
    for method in stock._METHODS:
        if method != name:
            setattr(moved, method, lambda self: None)

    with pytest.raises(simclock.SimulationError, match=rf"has no {name}.*{REFUSAL}"):
        stock.check_stock_loop(moved)


@pytest.mark.parametrize("name", ["_thread_id", "_stopping", "_asyncgens", "_task_factory"])
def test_a_python_that_moved_an_attribute_of_the_loop_is_refused(name: str) -> None:
    class Moved(base_events.BaseEventLoop):
        def __init__(self) -> None:
            super().__init__()
            self.close()
            delattr(self, name)

        def close(self) -> None:
            if hasattr(self, name):
                super().close()

        def __del__(self) -> None:
            """Have nothing to say about half a loop."""

    with pytest.raises(simclock.SimulationError, match=rf"has no {name}.*{REFUSAL}"):
        stock.check_stock_loop(Moved)


def test_a_task_asks_for_its_steps_as_it_should() -> None:
    assert seams._discover_step_type() is seams.STEP


def test_a_python_whose_tasks_ask_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        def __init__(self, coro: object, *, loop: object) -> None:
            loop.call_soon(lambda: None)

    monkeypatch.setattr(asyncio, "Task", Other)

    with pytest.raises(simclock.SimulationError, match=f"ask for their steps.*{REFUSAL}"):
        seams._discover_step_type()


@pytest.mark.parametrize("kind", [asyncio.Task, asyncio.tasks._PyTask])
def test_steps_and_wake_ups_are_told_from_other_methods_of_a_task(kind) -> None:
    asked: list[object] = []

    class Listening(base_events.BaseEventLoop):
        def call_soon(self, callback, *args, context=None):
            asked.append(callback)

    async def waits(future: asyncio.Future) -> None:
        await future

    loop = Listening()
    future = asyncio.Future(loop=loop)
    task = kind(waits(future), loop=loop)
    events._set_running_loop(loop)
    try:
        asked[0]()
        future.set_result(None)
        asked[1](future)
    finally:
        events._set_running_loop(None)
        loop.close()

    assert [seams.asks_for_step(each) for each in asked[:2]] == [True, True]
    assert not seams.asks_for_step(task.cancel)
    assert not seams.asks_for_step(task.done)
    assert not seams.asks_for_step(asked.append)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_eager_tasks_of_other_loops_are_what_they_were() -> None:
    seams.route_eager_tasks()

    async def main() -> type:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return type(asyncio.create_task(asyncio.sleep(0)))

    assert asyncio.run(main()) is asyncio.Task


def test_a_python_whose_eager_factory_is_built_otherwise_is_refused() -> None:
    with pytest.raises(simclock.SimulationError, match=f"factory of eager tasks.*{REFUSAL}"):
        seams.route_eager_tasks(lambda loop, coro: None)


def test_a_task_tells_whether_its_failure_was_looked_at() -> None:
    async def failing() -> None:
        raise ValueError("seen")

    async def main() -> tuple[bool, object, bool]:
        task = asyncio.create_task(failing())
        await asyncio.wait([task])
        before, failure = seams.is_unretrieved(task), seams.failure_of(task)
        task.exception()
        return before, failure, seams.is_unretrieved(task)

    before, failure, after = simclock.run(main)

    assert (before, after) == (True, False)
    assert isinstance(failure, ValueError)


def test_a_forgotten_task_goes_without_a_message() -> None:
    loop, heard = new_event_loop(), []
    loop.set_exception_handler(lambda _loop, context: heard.append(context))
    task = loop.create_task(asyncio.sleep(1))
    loop.call_soon(loop.stop)
    loop.run_forever()
    seams.forget(task)
    loop.close()
    del task

    assert heard == []


def test_a_handle_tells_its_callback_and_an_executor_its_threads() -> None:
    loop = new_event_loop()
    handle = loop.call_later(1, print)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(print).result()
        found = seams.threads_of(pool)

    assert seams.callback_of(handle) is print
    assert [thread in found for thread in pool._threads] == [True]
    loop.close()


def test_python_reports_coroutines_dropped_unawaited_where_simclock_listens() -> None:
    assert callable(warnings._warn_unawaited_coroutine)


def test_a_python_that_reports_them_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        """Never run."""

    monkeypatch.delattr(warnings, "_warn_unawaited_coroutine")

    with pytest.raises(simclock.SimulationError, match=f"never awaited.*{REFUSAL}"):
        simclock.run(main)


def test_anyio_keeps_its_scopes_as_the_seam_knows_them() -> None:
    anyio_seam.install()

    assert backend.CancelScope.__hash__ is not object.__hash__
    assert hash(backend.CancelScope()) + 1 == hash(backend.CancelScope())


def test_an_anyio_that_keeps_its_scopes_otherwise_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(anyio_seam._Count, "installed", False)
    monkeypatch.setattr(backend, "CancelScope", type("Other", (), {}))

    with pytest.raises(simclock.SimulationError, match=f"keeps its scopes.*{REFUSAL}"):
        anyio_seam.install()


def standing(thread: threading.Thread) -> threads.Standing:
    return threads.standing_of(thread, threads.frames(), anyio_seam.has_work)


def stands_as(thread: threading.Thread, expected: threads.Standing) -> bool:
    pause = threading.Event()
    return any(standing(thread) is expected or pause.wait(0.01) for _ in range(500))


def test_a_thread_stands_as_it_waits() -> None:
    gate, done = threading.Event(), threading.Lock()
    computing: list[bool] = [True]
    done.acquire()

    def compute() -> None:
        while computing:
            sum(range(1000))

    parked = threading.Thread(target=gate.wait)
    timed = threading.Thread(target=gate.wait, args=(60,))
    joining = threading.Thread(target=parked.join)
    active = threading.Thread(target=compute)
    started = [parked, timed, joining, active]
    for thread in started:
        thread.start()
    try:
        assert stands_as(parked, threads.Standing.IDLE)
        assert stands_as(timed, threads.Standing.TIMED)
        assert stands_as(joining, threads.Standing.IDLE)
        assert stands_as(active, threads.Standing.ACTIVE)
    finally:
        gate.set()
        computing.clear()
        for thread in started:
            thread.join()


def test_a_pool_thread_is_idle_between_jobs_and_rests_within_one() -> None:
    gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(print).result()
        (thread,) = pool._threads
        assert stands_as(thread, threads.Standing.IDLE)
        job = pool.submit(gate.wait, 60)
        assert stands_as(thread, threads.Standing.RESTING)
        gate.set()
        job.result()
    assert pools._worker.__code__.co_filename == pools.__file__


def test_a_child_forked_out_of_a_simulation_may_simulate() -> None:
    if sys.platform == "win32":
        pytest.skip("no fork")
    code = (
        "import asyncio, os, simclock\n"
        "async def inner(): return 0\n"
        "async def main():\n"
        "    pid = os.fork()\n"
        "    if not pid:\n"
        "        os._exit(simclock.run(inner))\n"
        "    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0\n"
        "simclock.run(main)\n"
    )

    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_anyios_worker_is_idle_between_jobs_and_rests_within_one() -> None:
    gate = threading.Event()

    async def main() -> None:
        worker = await anyio.to_thread.run_sync(threading.current_thread)
        assert type(worker) is backend.WorkerThread
        assert stands_as(worker, threads.Standing.IDLE)
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, gate.wait, 60)
            await simclock.current().settle()
            try:
                assert stands_as(worker, threads.Standing.RESTING)
            finally:
                gate.set()

    simclock.run(main)
