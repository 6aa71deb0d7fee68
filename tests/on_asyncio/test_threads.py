"""Real threads beside a simulated loop: time stands still while they work, and nothing hangs."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

import simclock
from simclock.on_asyncio import new_event_loop

PATIENT = simclock.Limits(wall_time=20)


def work_for_a_moment() -> str:
    # Real time, in a real thread: long enough for a loop that does not wait to go wrong.
    threading.Event().wait(0.02)
    return "worked"


@pytest.mark.parametrize("run_in_thread", [asyncio.to_thread, anyio.to_thread.run_sync])
def test_a_worker_thread_is_no_deadlock_under_explore(run_in_thread) -> None:
    async def main() -> None:
        assert await run_in_thread(lambda: "worked") == "worked"

    simclock.explore(main, schedules=5, limits=PATIENT)


@pytest.mark.parametrize("run_in_thread", [asyncio.to_thread, anyio.to_thread.run_sync])
def test_virtual_time_stands_still_while_a_worker_works(run_in_thread) -> None:
    async def main() -> list[tuple[str, float]]:
        loop, seen = asyncio.get_running_loop(), []

        async def ticker() -> None:
            await asyncio.sleep(1)
            seen.append(("tick", loop.time()))

        async def waiter() -> None:
            seen.append((await run_in_thread(work_for_a_moment), loop.time()))

        async with asyncio.TaskGroup() as group:
            group.create_task(ticker())
            group.create_task(waiter())
        return seen

    assert simclock.run(main, limits=PATIENT) == [("worked", 0), ("tick", 1)]


def test_a_pool_older_than_the_run_is_waited_for_too() -> None:
    async def main(pool: ThreadPoolExecutor) -> float:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            assert await loop.run_in_executor(pool, work_for_a_moment) == "worked"
        return loop.time()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work_for_a_moment).result()
        for _ in range(3):
            assert simclock.run(main, pool, limits=PATIENT) == 0


def test_an_executor_of_ones_own_is_waited_for() -> None:
    class Slow(Executor):
        def submit(self, fn, /, *args, **kwargs):
            future: Future[str] = Future()
            threading.Timer(0.02, lambda: future.set_result(fn(*args))).start()
            return future

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            assert await loop.run_in_executor(Slow(), lambda: "worked") == "worked"
        return loop.time()

    assert simclock.run(main, limits=PATIENT) == 0


def test_a_worker_may_call_back_into_the_loop() -> None:
    def worker() -> str:
        anyio.from_thread.run(anyio.sleep, 5)
        return f"woke at {anyio.from_thread.run_sync(anyio.current_time):g}"

    async def main() -> str:
        return await anyio.to_thread.run_sync(worker)

    # The worker waits for the loop, so time has to pass although the worker is busy.
    assert simclock.run(main, limits=PATIENT) == "woke at 5"


def test_a_portal_serves_plain_threads() -> None:
    async def double(number: int) -> int:
        await anyio.sleep(number)
        return 2 * number

    async def main() -> tuple[int, float]:
        async with anyio.from_thread.BlockingPortal() as portal:
            answer = await anyio.to_thread.run_sync(portal.call, double, 21)
        return answer, anyio.current_time()

    assert simclock.run(main, limits=PATIENT) == (42, 21)


def test_a_thread_of_ones_own_may_wake_the_loop() -> None:
    async def main() -> str:
        loop, answer = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

        def run() -> None:
            work_for_a_moment()
            loop.call_soon_threadsafe(answer.set_result, "from the thread")

        threading.Thread(target=run).start()
        return await answer

    assert simclock.run(main, limits=PATIENT) == "from the thread"


def test_run_coroutine_threadsafe_is_answered() -> None:
    async def add(left: int, right: int) -> int:
        await asyncio.sleep(1)
        return left + right

    async def main() -> int:
        loop = asyncio.get_running_loop()
        ask = asyncio.run_coroutine_threadsafe
        return await asyncio.to_thread(lambda: ask(add(2, 3), loop).result())

    assert simclock.run(main, limits=PATIENT) == 5


def test_a_worker_that_waits_for_ever_is_a_deadlock_and_not_waited_for() -> None:
    gate = threading.Event()

    async def main() -> None:
        await asyncio.to_thread(gate.wait)

    began = time.perf_counter()
    try:
        with pytest.raises(simclock.DeadlockError, match="to_thread"):
            simclock.run(main, limits=PATIENT)
    finally:
        gate.set()

    assert time.perf_counter() - began < 5


def test_a_worker_that_outlasts_wall_time_is_named() -> None:
    stop = []

    def spin() -> None:
        while not stop:
            sum(range(1000))

    async def main() -> None:
        await asyncio.to_thread(spin)

    try:
        with pytest.raises(simclock.WallTimeError, match=r"waited 0.1s .*test_threads.py:\d+"):
            simclock.run(main, limits=simclock.Limits(wall_time=0.1))
    finally:
        stop.append(True)


def test_an_idle_pool_does_not_slow_down_virtual_time() -> None:
    async def main() -> float:
        await asyncio.to_thread(lambda: None)
        await anyio.to_thread.run_sync(lambda: None)
        for _ in range(2_000):
            await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    began = time.perf_counter()
    assert simclock.run(main, limits=PATIENT) == 2_000

    # Looking at idle threads takes microseconds; a pause for each would take seconds.
    assert time.perf_counter() - began < 2


def test_polling_hears_a_thread() -> None:
    async def main() -> int:
        loop, heard = asyncio.get_running_loop(), []
        threading.Thread(target=loop.call_soon_threadsafe, args=(heard.append, 1)).start()
        steps = 0
        while not heard:
            await asyncio.sleep(0)
            steps += 1
        return steps

    assert simclock.run(main, limits=PATIENT) > 0


def test_a_loop_in_another_thread_waits_for_the_main_thread() -> None:
    loop = new_event_loop(limits=PATIENT)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def answer() -> str:
        await asyncio.sleep(100)
        return "answered"

    # Nothing is scheduled: on its own, this loop would be in a deadlock.
    work_for_a_moment()
    future = asyncio.run_coroutine_threadsafe(answer(), loop)
    result = future.result(timeout=10)
    work_for_a_moment()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()

    assert result == "answered"


def test_a_portal_of_ones_own_waits_for_its_caller() -> None:
    backend, options = simclock.asyncio_backend(limits=PATIENT)

    with anyio.from_thread.start_blocking_portal(backend, options) as portal:
        work_for_a_moment()
        portal.call(anyio.sleep, 3)
        assert portal.call(anyio.current_time) == 3


def test_a_main_thread_that_joins_the_loop_is_no_rescue() -> None:
    loop, errors = new_event_loop(limits=PATIENT), []

    def run() -> None:
        try:
            loop.run_until_complete(asyncio.Event().wait())
        except simclock.DeadlockError as error:
            errors.append(error)
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert len(errors) == 1


def test_closing_the_default_executor_waits_for_its_threads() -> None:
    async def main() -> str:
        loop, order = asyncio.get_running_loop(), []
        job = loop.run_in_executor(None, work_for_a_moment)
        job.add_done_callback(lambda _: order.append("job"))
        await loop.shutdown_default_executor()
        order.append("shut down")
        assert await job == "worked"
        return order[-1]

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert runner.run(main()) == "shut down"


def test_debug_mode_refuses_call_soon_from_another_thread() -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        try:
            await asyncio.to_thread(loop.call_soon, print)
        except RuntimeError as error:
            return str(error)
        return "let pass"

    with asyncio.Runner(debug=True, loop_factory=new_event_loop) as runner:
        assert runner.run(main()).startswith("Non-thread-safe operation")


def test_a_signal_handler_may_wake_a_loop_that_waits_for_a_thread() -> None:
    signal = pytest.importorskip("signal")
    loop, gate = new_event_loop(limits=PATIENT), threading.Event()

    async def main() -> str:
        woken = asyncio.Event()
        before = signal.signal(signal.SIGUSR1, lambda *_: loop.call_soon_threadsafe(woken.set))

        def poke() -> None:
            work_for_a_moment()
            signal.raise_signal(signal.SIGUSR1)
            while not gate.wait(0.01):
                sum(range(100))

        poking = loop.run_in_executor(None, poke)
        await woken.wait()
        gate.set()
        await poking
        signal.signal(signal.SIGUSR1, before)
        return "woken"

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        assert runner.run(main()) == "woken"


def test_a_worker_that_waits_for_the_loop_with_a_timeout_lets_time_pass() -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()

        def ask() -> str:
            return asyncio.run_coroutine_threadsafe(asyncio.sleep(9, "slept"), loop).result(60)

        return await asyncio.to_thread(ask)

    assert simclock.run(main, limits=PATIENT) == "slept"


def test_a_thread_that_looks_after_something_now_and_then_lets_time_pass() -> None:
    stop = threading.Event()

    def look_after() -> None:
        while not stop.wait(0.05):
            pass

    async def main() -> float:
        threading.Thread(target=look_after).start()
        for _ in range(10):
            await asyncio.sleep(60)
        stop.set()
        return asyncio.get_running_loop().time()

    assert simclock.run(main, limits=PATIENT) == 600


async def turns_until_heard() -> int:
    loop, heard = asyncio.get_running_loop(), []
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(heard.append, 1))
    thread.start()
    thread.join()
    for turns in range(50):
        if heard:
            return turns
        await asyncio.sleep(0)
    return 50


def test_a_loop_that_nobody_explores_hears_threads_between_two_turns() -> None:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert runner.run(turns_until_heard()) <= 2


def test_a_run_hears_threads_when_nothing_else_can_run() -> None:
    # The moment at which a thread is done is real, and must not decide the course of a run.
    assert simclock.run(turns_until_heard, limits=PATIENT) == 50
