"""Worker threads and the ways back from them. The threads are real, their results awaited."""

from __future__ import annotations

import contextvars
import threading

from explored.table import scenario

from concurrency import (
    AsyncAdapter,
    TaskGroup,
    ThreadContext,
    ThreadPool,
    checkpoint,
    from_thread,
    is_coro_func,
    run_async,
    run_in_thread,
    run_sync,
    sleep,
    sync_to_async,
    threadpool,
    to_thread,
)

SHARE = 0.15

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@scenario("ThreadPool", "threadpool", share=SHARE)
async def a_pool_runs_no_more_threads_than_it_has(make=ThreadPool) -> None:
    lock, working = threading.Lock(), 0
    results: list[int] = []

    def call(number: int) -> int:
        nonlocal working
        with lock:
            working += 1
            assert working <= 1
        with lock:
            working -= 1
        return number

    async def append(pool: ThreadPool, number: int) -> None:
        results.append(await threadpool(call, pool=pool)(number))

    try:
        # Of two threads that work side by side real time would decide which is first.
        async with make(1) as pool, TaskGroup() as tg:
            for number in range(3):
                tg.start_soon(append, pool, number)
    finally:
        assert working == 0
        assert len(set(results)) == len(results)


@scenario(
    "to_thread", "run_in_thread", "sync_to_async", "AsyncAdapter", "run_sync", "run_async",
    "is_coro_func", share=SHARE,
)  # fmt: skip
async def what_a_thread_sets_comes_back() -> None:
    def set_variable(value: str) -> str:
        before = variable.get()
        variable.set(value)
        return before

    wrapped = (
        to_thread, run_in_thread, run_sync, run_async,
        lambda f, value: sync_to_async(f)(value),
        lambda f, value: AsyncAdapter(f)(value),
    )  # fmt: skip
    assert not is_coro_func(set_variable)
    variable.set("start")
    expected = "start"
    for number, run in enumerate(wrapped):
        assert await run(set_variable, str(number)) == expected
        expected = str(number)
        assert variable.get() == expected


@scenario("from_thread", "to_thread", cancel=(False, True), share=SHARE)
async def a_thread_calls_back_as_part_of_its_call() -> None:
    working = 0

    async def answer() -> str:
        nonlocal working
        working += 1
        try:
            await sleep(1)
            return "answer"
        finally:
            working -= 1

    try:
        assert await to_thread(lambda: from_thread(answer())) == "answer"
    finally:
        assert working == 0


@scenario("ThreadContext", "from_thread", cancel=(False,), share=SHARE)
async def any_thread_calls_back_inside_a_context() -> None:
    answers: list[str] = []

    async def answer(name: str) -> str:
        await checkpoint()
        return name

    async with ThreadContext() as context:
        thread = threading.Thread(target=lambda: answers.append(context.call(answer("a"))))
        thread.start()
        await to_thread(thread.join)
    assert answers == ["a"]
