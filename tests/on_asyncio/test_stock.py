"""What programs may ask of any asyncio loop, answered as the stock loop answers it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import re
import sys
import time
import weakref

import pytest

import simclock
from simclock.on_asyncio import new_event_loop


def run(main, *, debug: bool = False):
    with asyncio.Runner(debug=debug, loop_factory=new_event_loop) as runner:
        return runner.run(main())


def test_reprs_read_as_on_the_stock_loop() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(1, print)
        texts = [repr(asyncio.current_task()), repr(loop.create_future()), repr(timer)]
        timer.cancel()
        return [*texts, repr(timer), repr(loop.call_soon(print))]

    def shape(text: str) -> str:
        return re.sub(r"Task-\d+|when=[\d.]+|0x\w+|:\d+", "…", text)

    with asyncio.Runner() as runner:
        expected = [shape(text) for text in runner.run(main())]

    assert [shape(text) for text in run(main)] == expected


@pytest.mark.parametrize("debug", [False, True])
def test_a_dropped_task_that_failed_is_reported_when_it_goes(debug: bool) -> None:
    heard: list[str] = []

    async def failing() -> None:
        raise ValueError("unseen")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: heard.append(context["message"]))
        dropped = weakref.ref(loop.create_task(failing()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert dropped() is None

    run(main, debug=debug)

    assert heard == ["Task exception was never retrieved"]


def test_a_closed_loop_and_its_tasks_can_be_collected() -> None:
    async def main() -> weakref.ref:
        asyncio.ensure_future(asyncio.sleep(5))
        return weakref.ref(asyncio.get_running_loop())

    loop = run(main)
    gc.collect()

    assert loop() is None


def test_a_slow_step_is_logged_in_debug_mode(caplog: pytest.LogCaptureFixture) -> None:
    async def slow() -> None:
        time.sleep(0.5)

    async def main() -> None:
        asyncio.get_running_loop().set_debug(True)
        task = asyncio.create_task(slow())
        await task

    caplog.set_level(logging.WARNING, "asyncio")
    simclock.run(main)

    assert re.search(r"Executing <Task .*slow.* took 0\.500 seconds", caplog.text)


def test_debug_mode_tells_where_a_handle_was_made() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        handles = [
            loop.call_soon(print),
            loop.call_soon_threadsafe(print),
            loop.call_later(1, print),
            loop.call_at(1, print),
        ]
        texts = [repr(handle) for handle in handles]
        for handle in handles:
            handle.cancel()
        return texts

    for text in run(main, debug=True):
        assert re.search(r"created at .*test_stock\.py:\d+", text)


@pytest.mark.parametrize("scheduler", ["fifo", "random", "pct:3"])
def test_debug_mode_changes_no_course(scheduler: str) -> None:
    async def main(debug: bool) -> list[int]:
        order: list[int] = []

        async def step(number: int) -> None:
            for _ in range(3):
                await asyncio.sleep(number % 2)
                order.append(number)

        asyncio.get_running_loop().set_debug(debug)
        await asyncio.gather(*(step(number) for number in range(6)))
        return order

    for seed in range(5):
        courses = [simclock.run(main, on, scheduler=scheduler, seed=seed) for on in (True, False)]
        assert courses[0] == courses[1]


def test_a_coroutine_is_no_callback_in_debug_mode() -> None:
    async def callback() -> None:
        """Never run."""

    async def main() -> None:
        asyncio.get_running_loop().call_soon(callback)

    with pytest.raises(TypeError, match="coroutines cannot be used with call_soon"):
        run(main, debug=True)


def test_a_task_factory_set_by_the_program_is_used_and_simulated() -> None:
    class Counted(asyncio.Task):
        made = 0

    def factory(loop, coro, **options):
        Counted.made += 1
        return Counted(coro, loop=loop, **options)

    async def main() -> float:
        asyncio.get_running_loop().set_task_factory(factory)
        task = asyncio.create_task(asyncio.sleep(50))
        assert type(task) is Counted
        await task
        return asyncio.get_running_loop().time()

    assert simclock.run(main, scheduler="random") == 50
    assert Counted.made == 1


def test_pure_python_tasks_are_simulated() -> None:
    async def main() -> list[int]:
        loop, order = asyncio.get_running_loop(), []

        async def step(number: int) -> None:
            await asyncio.sleep(10 - number)
            order.append(number)

        await asyncio.gather(*(asyncio.tasks._PyTask(step(n), loop=loop) for n in range(3)))
        return order

    assert simclock.run(main) == [2, 1, 0]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in 3.12")
def test_eager_tasks_start_at_once() -> None:
    async def main() -> list[str]:
        log: list[str] = []

        async def eager() -> None:
            log.append("started")
            await asyncio.sleep(1)
            log.append("ended")

        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        task = asyncio.create_task(eager())
        log.append("created")
        await task
        return log

    assert simclock.run(main) == ["started", "created", "ended"]


def test_context_variables_belong_to_their_task() -> None:
    variable = contextvars.ContextVar("variable", default="outer")

    async def main() -> list[str]:
        seen: list[str] = []

        async def child(name: str) -> None:
            variable.set(name)
            await asyncio.sleep(1)
            seen.append(variable.get())

        await asyncio.gather(child("a"), child("b"))
        asyncio.get_running_loop().call_soon(lambda: seen.append(variable.get()))
        await asyncio.sleep(1)
        return seen

    assert simclock.run(main) == ["a", "b", "outer"]


def test_run_until_complete_cannot_be_entered_twice() -> None:
    async def main() -> None:
        coroutine = asyncio.sleep(0)
        try:
            asyncio.get_running_loop().run_until_complete(coroutine)
        finally:
            coroutine.close()

    with pytest.raises(RuntimeError, match="already running"):
        run(main)


def test_a_closed_loop_says_so() -> None:
    loop = new_event_loop()
    loop.close()

    for use in (
        lambda: loop.call_soon(print),
        lambda: loop.call_later(1, print),
        lambda: loop.call_soon_threadsafe(print),
        loop.run_forever,
    ):
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            use()
    loop.set_debug(True)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.call_soon(print)


def test_stop_ends_the_turn_and_the_rest_waits_for_the_next_run() -> None:
    loop, ran = new_event_loop(), []
    loop.call_soon(ran.append, 1)
    loop.call_soon(loop.stop)
    loop.call_soon(lambda: loop.call_soon(ran.append, 3))
    loop.call_soon(ran.append, 2)
    loop.run_forever()
    first = list(ran)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()

    assert first == [1, 2]
    assert ran == [1, 2, 3]


def test_async_generators_are_closed_at_shutdown() -> None:
    closed: list[str] = []

    async def numbers():
        try:
            yield 1
        finally:
            await asyncio.sleep(1)
            closed.append("closed")

    async def main():
        generator = numbers()
        await anext(generator)
        return generator

    run(main)

    assert closed == ["closed"]


def test_an_exception_handler_that_fails_is_reported_by_the_default_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_loop, _context) -> None:
        raise ValueError("handler")

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(broken)
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    run(main)

    assert "Unhandled error in exception handler" in caplog.text
