"""asyncio's own cancellation, landing at every step in turn.

AnyIO's scopes never interrupt a task that was woken already; ``Task.cancel()`` does. Each scenario
here is run again and again, natively cancelled one event loop iteration later each time, until it
ends before the cancellation comes. Whatever happened, the same things must hold afterwards.
"""

from __future__ import annotations

import asyncio
from collections import deque

import anyio
import pytest

from concurrency import (
    Barrier,
    BrokenBarrierError,
    CapacityLimiter,
    CompletionStream,
    Condition,
    Lock,
    PriorityQueue,
    Queue,
    RLock,
    Semaphore,
    TaskGroup,
    bounded_map,
    checkpoint,
    first_success,
    gather,
    race,
    shield,
)

STEPS_MAX = 60


def sweep(scenario) -> int:
    """Run ``scenario(cut)`` with ``cut`` cancelling its target one step later each time."""
    for step in range(STEPS_MAX):
        if not asyncio.run(scenario(step)):
            return step
    raise AssertionError(f"{scenario.__name__} had not ended after {STEPS_MAX} steps")


async def cancel_at(step: int, task: asyncio.Task) -> bool:
    """Cancel ``task`` after ``step`` iterations; tell whether there still was something to do."""
    for _ in range(step):
        await asyncio.sleep(0)
    return task.cancel()


async def settle(task: asyncio.Task) -> bool:
    """Wait for ``task``; tell whether it was cancelled."""
    done, _ = await asyncio.wait([task], timeout=5)
    assert done, "the task never ended"
    if task.cancelled():
        return True
    task.result()
    return False


class LeakyQueue:
    """Planted bug: a getter that was woken and is cancelled drops the item it was handed."""

    def __init__(self) -> None:
        self.items: deque[object] = deque()
        self.getters: deque[tuple[anyio.Event, list[object]]] = deque()

    def put_nowait(self, item: object) -> None:
        if self.getters:
            event, box = self.getters.popleft()
            box.append(item)
            event.set()
        else:
            self.items.append(item)

    def get_nowait(self) -> object:
        return self.items.popleft()

    async def get(self) -> object:
        if self.items:
            return self.items.popleft()
        event, box = anyio.Event(), []
        self.getters.append((event, box))
        await event.wait()
        return box[0]


async def an_item_is_had_or_still_there(step: int, make=lambda: Queue.with_maxsize(5)) -> bool:
    queue = make()
    getter = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    putter = asyncio.create_task(put_later(queue, "item"))
    alive = await cancel_at(step, getter)
    await putter
    if await settle(getter):
        assert queue.get_nowait() == "item"
    else:
        assert getter.result() == "item"
    return alive


async def put_later(queue, item: object) -> None:
    await asyncio.sleep(0)
    queue.put_nowait(item)


async def a_priority_item_is_had_or_still_there(step: int) -> bool:
    queue: PriorityQueue[int] = PriorityQueue()
    getter = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    putters = [asyncio.create_task(queue.put(item)) for item in (3, 1)]
    alive = await cancel_at(step, getter)
    await asyncio.wait(putters)
    left = [] if await settle(getter) else [getter.result()]
    while not queue.empty():
        left.append(await queue.get_nowait())
    assert sorted(left) == [1, 3]
    return alive


async def permits_are_conserved(step: int) -> bool:
    semaphore, limiter, lock = Semaphore(1), CapacityLimiter(1), Lock()

    async def use() -> None:
        async with semaphore, limiter, lock:
            await asyncio.sleep(0)

    victim, *others = [asyncio.create_task(use()) for _ in range(3)]
    alive = await cancel_at(step, others[0])
    for task in (victim, *others):
        await settle(task)
    assert (semaphore.value, limiter.borrowed, lock.locked()) == (1, 0, False)
    return alive


async def a_condition_is_left_with_its_lock_and_its_notification(step: int) -> bool:
    for lock in (Lock(), RLock()):
        condition = Condition(lock)
        woken: list[int] = []

        async def wait(number: int, condition=condition, woken=woken) -> None:
            async with condition:
                await condition.wait()
                woken.append(number)

        tasks = [asyncio.create_task(wait(number)) for number in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        notifier = asyncio.create_task(notify(condition))
        alive = await cancel_at(step, tasks[0])
        await notifier
        cancelled = await settle(tasks[0])
        if cancelled:
            # The one notification must reach the other, unless it came before both.
            await settle(tasks[1])
            assert woken[-1:] == [1]
        else:
            tasks[1].cancel()
            await settle(tasks[1])
        assert not lock.locked()
    return alive


async def notify(condition: Condition) -> None:
    async with condition:
        await asyncio.sleep(0)
        condition.notify()


async def a_barrier_opens_for_all_or_breaks(step: int) -> bool:
    barrier = Barrier(3)

    async def come_late() -> int:
        for _ in range(3):
            await asyncio.sleep(0)
        return await barrier.wait()

    tasks = [asyncio.create_task(barrier.wait()) for _ in range(2)]
    tasks.append(asyncio.create_task(come_late()))
    await asyncio.sleep(0)
    alive = await cancel_at(step, tasks[0])
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    if barrier.broken:
        assert [type(end) for end in ends[1:]] == [BrokenBarrierError] * 2
    else:
        # Cancelled or not, the first had come: the others pass.
        assert ends[1:] == [1, 2]
    return alive


async def shielded_work_ends_first(step: int) -> bool:
    steps: list[str] = []

    async def work() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        steps.append("done")

    async def caller() -> None:
        try:
            await shield(work)
        finally:
            steps.append("left")

    task = asyncio.create_task(caller())
    await asyncio.sleep(0)
    alive = await cancel_at(step, task)
    await settle(task)
    assert steps == ["done", "left"]
    return alive


async def patterns_leave_no_task_behind(step: int) -> bool:
    alive = False
    for pattern in (run_gather, run_race, run_first_success, run_map, run_stream, run_group):
        before = asyncio.all_tasks()
        task = asyncio.create_task(pattern())
        await asyncio.sleep(0)
        alive |= await cancel_at(step, task)
        await settle(task)
        assert asyncio.all_tasks() == before, pattern.__name__
    return alive


async def work(number: int = 0) -> int:
    try:
        for _ in range(4):
            await checkpoint()
    finally:
        with anyio.CancelScope(shield=True):
            await checkpoint()
    return number


async def run_gather() -> None:
    assert await gather(work(1), work(2)) == [1, 2]


async def run_race() -> None:
    assert await race(work(1), work(1)) == 1


async def run_first_success() -> None:
    assert await first_success(work(1), work(1)) == 1


async def run_map() -> None:
    assert await bounded_map(work, range(4), limit=2) == [0, 1, 2, 3]


async def run_stream() -> None:
    async with CompletionStream([work(1), work(2), work(3)], limit=2) as stream:
        assert sorted([result async for _, result in stream]) == [1, 2, 3]


async def run_group() -> None:
    async with TaskGroup() as tg:
        handle = tg.spawn(work, 1)
    assert handle.result() == 1


SCENARIOS = [
    an_item_is_had_or_still_there,
    a_priority_item_is_had_or_still_there,
    permits_are_conserved,
    a_condition_is_left_with_its_lock_and_its_notification,
    a_barrier_opens_for_all_or_breaks,
    shielded_work_ends_first,
    patterns_leave_no_task_behind,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_promise_holds_whenever_the_cancellation_comes(scenario) -> None:
    sweep(scenario)


def test_a_queue_that_drops_the_item_of_a_cancelled_getter_is_found() -> None:
    with pytest.raises((AssertionError, IndexError)):
        sweep(lambda step: an_item_is_had_or_still_there(step, LeakyQueue))


def test_a_native_timeout_around_a_group_is_a_timeout() -> None:
    async def main() -> None:
        for construct in (run_forever_in_group, run_forever_in_gather, run_forever_in_race):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await construct()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(construct(), 0.001)

    asyncio.run(main())


async def run_forever_in_group() -> None:
    async with TaskGroup() as tg:
        tg.start_soon(anyio.sleep_forever)


async def run_forever_in_gather() -> None:
    await gather(anyio.sleep_forever(), return_exceptions=True)


async def run_forever_in_race() -> None:
    await race(anyio.sleep_forever(), anyio.sleep_forever())


def test_a_put_cancelled_as_it_is_accepted_is_undone() -> None:
    async def main() -> None:
        queue: Queue[str] = Queue.with_maxsize(1)
        queue.put_nowait("first")
        putter = asyncio.create_task(queue.put("second"))
        await asyncio.sleep(0)
        assert queue.get_nowait() == "first"
        assert queue.qsize() == 1
        putter.cancel()
        assert await settle(putter)
        assert queue.empty()

    asyncio.run(main())


def test_a_task_cancelled_before_its_first_step_is_not_taken_for_success() -> None:
    async def main() -> None:
        for construct in (run_group, run_gather, run_race, run_map, run_stream):
            task = asyncio.create_task(construct())
            await asyncio.sleep(0)
            # The construct has created its tasks by now, and none of them has made a step.
            children = asyncio.all_tasks() - {asyncio.current_task(), task}
            assert children
            for child in children:
                child.cancel()
            with pytest.raises((anyio.TaskCancelled, ExceptionGroup)) as caught:
                await task
            assert anyio.TaskCancelled in {type(caught.value), *kinds_in(caught.value)}

    asyncio.run(main())


def kinds_in(error: BaseException) -> set[type[BaseException]]:
    if isinstance(error, BaseExceptionGroup):
        return set().union(*(kinds_in(each) for each in error.exceptions))
    return {type(error)}
