"""Correct asyncio programs, as people write them: no schedule may accuse any of them.

Each keeps its promise in whatever order tasks run, however time passes and, where it is listed
under ``withstands``, wherever a single cancellation of ``main`` lands.
"""

import asyncio
import contextlib
import contextvars
import itertools
import random
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

PROGRAMS: list[Callable[[], Coroutine[Any, Any, None]]] = []
WITHSTAND: list[Callable[[], Coroutine[Any, Any, None]]] = []


def correct(program):
    PROGRAMS.append(program)
    return program


def withstands(program):
    """List a program that is correct under any single cancellation, too."""
    WITHSTAND.append(program)
    return correct(program)


async def hop(times: int = 1) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


@withstands
async def timeouts_nest():
    fired = []
    try:
        async with asyncio.timeout(2):
            try:
                async with asyncio.timeout(1):
                    await asyncio.sleep(10)
            except TimeoutError:
                fired.append("inner")
            await hop(2)
    except TimeoutError:
        fired.append("outer")
    assert fired in (["inner"], ["outer"], ["inner", "outer"])


@correct
async def a_failing_task_cancels_its_siblings():
    begun, tidied = [], []

    async def sibling():
        begun.append(True)
        try:
            await asyncio.Event().wait()
        finally:
            tidied.append(True)
            await hop()

    async def failing():
        await asyncio.sleep(1)
        raise ValueError

    with contextlib.suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as tasks:
            for coroutine in sibling, sibling, failing:
                tasks.create_task(coroutine())
            await asyncio.sleep(0.5)
    assert tidied == begun


@withstands
async def a_condition_is_waited_for_in_a_loop():
    items, changed = [], asyncio.Condition()

    async def consume():
        async with changed:
            await changed.wait_for(lambda: items)
            return items.pop()

    async def produce():
        for item in "ab":
            await hop()
            async with changed:
                items.append(item)
                changed.notify_all()

    async with asyncio.TaskGroup() as tasks:
        consumers = [tasks.create_task(consume()) for _ in range(2)]
        tasks.create_task(produce())
    assert {task.result() for task in consumers} == {"a", "b"}


@withstands
async def a_queue_is_joined_and_its_workers_sent_home():
    queue, done = asyncio.Queue(maxsize=2), []

    async def work():
        while True:
            item = await queue.get()
            await asyncio.sleep(0.1 * (item % 2))
            done.append(item)
            queue.task_done()

    workers = [asyncio.create_task(work()) for _ in range(2)]
    try:
        for item in range(5):
            await queue.put(item)
        await queue.join()
        assert sorted(done) == list(range(5))
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def numbers() -> AsyncIterator[int]:
    for number in itertools.count():
        yield number
        await hop()


@withstands
async def a_generator_left_early_is_closed():
    async with contextlib.aclosing(numbers()) as source:
        async for number in source:
            if number == 2:
                break


@withstands
async def each_task_has_context_variables_of_its_own():
    user = contextvars.ContextVar("user", default="nobody")

    async def request(name):
        user.set(name)
        await hop(2)
        assert user.get() == name

    async with asyncio.TaskGroup() as tasks:
        for name in "abc":
            tasks.create_task(request(name))
    assert user.get() == "nobody"


@correct
async def eager_tasks_start_at_once():
    if sys.version_info >= (3, 12):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        started = []

        async def begin():
            started.append(True)
            await hop()

        task = asyncio.create_task(begin())
        assert started
        await task


@correct
async def shielded_work_ends_although_its_caller_was_cancelled():
    saved = []

    async def save():
        await asyncio.sleep(1)
        saved.append(True)

    inner = asyncio.create_task(save())

    async def caller():
        await asyncio.shield(inner)

    outer = asyncio.create_task(caller())
    await asyncio.sleep(0.5)
    outer.cancel()
    await asyncio.wait([outer, inner])
    assert saved


@withstands
async def gather_returns_results_and_exceptions_in_order():
    async def divide(number):
        await asyncio.sleep(number / 10)
        return 1 / number

    results = await asyncio.gather(*map(divide, (2, 0, 1)), return_exceptions=True)
    assert results[0] == 0.5
    assert isinstance(results[1], ZeroDivisionError)
    assert results[2] == 1


@withstands
async def each_result_comes_as_it_is_completed():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(delay, delay)) for delay in (0.3, 0.1, 0.2)]
        results = [await each for each in asyncio.as_completed(tasks)]
    assert sorted(results) == [0.1, 0.2, 0.3]


@correct
async def the_first_wins_and_the_rest_is_cancelled():
    tasks = {asyncio.create_task(asyncio.sleep(delay, delay)) for delay in (1, 2, 3)}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    assert done
    assert all(task.done() for task in tasks)


@withstands
async def a_retry_backs_off_with_jitter():
    attempts = 0

    async def flaky():
        nonlocal attempts
        attempts += 1
        await hop()
        if attempts < 3:
            raise ConnectionError
        return "answer"

    for delay in (0.1, 0.2, 0.4):
        try:
            answer = await flaky()
            break
        except ConnectionError:
            await asyncio.sleep(delay + random.uniform(0, 0.1))
    assert answer == "answer"


@withstands
async def locks_semaphores_and_barriers_are_used_in_pairs():
    lock, places, start = asyncio.Lock(), asyncio.Semaphore(2), asyncio.Barrier(3)
    inside = most = counter = 0

    async def count():
        nonlocal inside, most, counter
        await start.wait()
        async with places:
            inside += 1
            most = max(most, inside)
            async with lock:
                value = counter
                await hop()
                counter = value + 1
            inside -= 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(count())
    assert counter == 3
    assert most <= 2


@withstands
async def a_heartbeat_beats_until_the_work_is_done():
    beats = 0

    async def beat():
        nonlocal beats
        while True:
            await asyncio.sleep(1)
            beats += 1

    heart = asyncio.create_task(beat())
    try:
        await asyncio.sleep(3.5)
    finally:
        heart.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await heart
    was = beats
    await asyncio.sleep(2)
    assert beats == was


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_no_schedule_accuses_a_correct_program(program, accused):
    assert accused(program, cancel=False, schedules=300) is None


@pytest.mark.parametrize("program", WITHSTAND, ids=lambda program: program.__name__)
def test_no_cancellation_accuses_a_program_that_withstands_them(program, accused):
    assert accused(program, cancel=True, schedules=300) is None


@pytest.mark.deep
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_not_one_of_a_thousand_schedules_accuses_a_correct_program(program, accused):
    assert accused(program, cancel=program in WITHSTAND, schedules=1_000) is None
