"""PriorityQueue: smallest first, nobody forgotten, nothing left by a bad key."""

from __future__ import annotations

import heapq

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concurrency import PriorityQueue, QueueClosed, QueueEmpty, QueueFull, TaskGroup

BACKENDS = ("asyncio", "trio")
both = pytest.mark.parametrize("backend", BACKENDS)


class OneEventQueue:
    """Planted bug: one event for all getters, so puts in one step wake only one of them."""

    def __init__(self) -> None:
        self.heap: list[object] = []
        self.waiting: list[anyio.Event] = []

    async def put(self, item: object) -> None:
        heapq.heappush(self.heap, item)
        if self.waiting and len(self.heap) == 1:
            self.waiting.pop(0).set()

    async def get(self) -> object:
        if not self.heap:
            event = anyio.Event()
            self.waiting.append(event)
            await event.wait()
        return heapq.heappop(self.heap)

    def qsize(self) -> int:
        return len(self.heap)


async def three_puts_serve_three_gets(make=PriorityQueue) -> None:
    queue = make()
    async with TaskGroup() as tg:
        getters = [tg.spawn(queue.get) for _ in range(3)]
        await anyio.wait_all_tasks_blocked()
        for item in (3, 1, 2):
            await queue.put(item)
        await anyio.wait_all_tasks_blocked()
        tg.cancel_scope.cancel()
    assert [getter.state for getter in getters] == ["completed"] * 3
    assert sorted(getter.result() for getter in getters) == [1, 2, 3]


async def a_key_that_cannot_be_compared_leaves_nothing(make=PriorityQueue) -> None:
    queue = make()
    await queue.put((1, "a"))
    with pytest.raises(TypeError):
        await queue.put(("one", "b"))
    assert queue.qsize() == 1
    assert await queue.get() == (1, "a")


async def equal_keys_leave_first_in_first_out() -> None:
    queue: PriorityQueue[object] = PriorityQueue()
    # The payloads cannot be compared: only keys ever are.
    items = [(1, object()), [1, object()], (0, object()), (1, object())]
    for item in items:
        await queue.put(item)
    assert [await queue.get() for _ in items] == [items[2], items[0], items[1], items[3]]


async def a_full_queue_makes_putters_wait_in_order() -> None:
    queue: PriorityQueue[int] = PriorityQueue(1)
    await queue.put(5)
    assert queue.full()
    with pytest.raises(QueueFull):
        await queue.put_nowait(1)
    async with TaskGroup() as tg:
        tg.start_soon(queue.put, 4)
        await anyio.wait_all_tasks_blocked()
        assert await queue.get() == 5
        assert await queue.get() == 4
    with pytest.raises(QueueEmpty):
        await queue.get_nowait()


async def a_bad_key_is_its_putters_error_and_nobody_elses() -> None:
    queue: PriorityQueue[object] = PriorityQueue(2)
    await queue.put(1)
    await queue.put(2)

    async def put_badly() -> None:
        with pytest.raises(TypeError):
            await queue.put("three")

    async with TaskGroup() as tg:
        tg.start_soon(put_badly)
        await anyio.wait_all_tasks_blocked()
        assert await queue.get() == 1
        assert await queue.get() == 2
    assert queue.empty()


async def a_closed_queue_is_emptied_and_then_says_so() -> None:
    queue: PriorityQueue[int] = PriorityQueue()
    await queue.put(1)
    queue.close()
    with pytest.raises(QueueClosed):
        await queue.put(2)
    assert await queue.get() == 1
    with pytest.raises(QueueClosed):
        await queue.get()


SCENARIOS = [
    three_puts_serve_three_gets,
    a_key_that_cannot_be_compared_leaves_nothing,
    equal_keys_leave_first_in_first_out,
    a_full_queue_makes_putters_wait_in_order,
    a_bad_key_is_its_putters_error_and_nobody_elses,
    a_closed_queue_is_emptied_and_then_says_so,
]


@both
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_priority_queue(scenario, backend) -> None:
    anyio.run(scenario, backend=backend)


@both
@pytest.mark.parametrize(
    "scenario", [three_puts_serve_three_gets, a_key_that_cannot_be_compared_leaves_nothing]
)
def test_a_naive_queue_is_found(scenario, backend) -> None:
    with pytest.raises(AssertionError):
        anyio.run(scenario, OneEventQueue, backend=backend)


@given(st.lists(st.one_of(st.integers(0, 5), st.none()), max_size=60))
def test_a_queue_is_a_stable_sort(steps) -> None:
    """None takes the smallest out, a number is put; the model is a sorted list."""

    async def main() -> None:
        queue: PriorityQueue[tuple[int, int]] = PriorityQueue()
        model: list[tuple[int, int]] = []
        for age, key in enumerate(steps):
            if key is not None:
                await queue.put_nowait((key, age))
                model.append((key, age))
            elif model:
                assert await queue.get_nowait() == min(model)
                model.remove(min(model))
        assert [await queue.get_nowait() for _ in model] == sorted(model)

    anyio.run(main)


@pytest.mark.parametrize(
    ("wrong", "error"), [(-1, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_a_size_that_is_no_count_is_refused(wrong, error) -> None:
    with pytest.raises(error, match="maxsize must be"):
        PriorityQueue(wrong)
