"""Queue: every item arrives once, in order, whoever is cancelled."""

from __future__ import annotations

import math

import anyio
import pytest

from concurrency import Queue, QueueClosed, QueueEmpty, QueueFull, TaskGroup

BACKENDS = ("asyncio", "trio")
both = pytest.mark.parametrize("backend", BACKENDS)


class DroppingQueue:
    """Planted bug: closing throws away what was bought and paid for."""

    def __init__(self, maxsize: int) -> None:
        self.send, self.receive = anyio.create_memory_object_stream(maxsize)

    def put_nowait(self, item: object) -> None:
        self.send.send_nowait(item)

    def close(self) -> None:
        self.send.close()
        self.receive.close()

    def get_nowait(self) -> object:
        return self.receive.receive_nowait()


async def buffered_items_outlive_the_close(make=Queue.with_maxsize) -> None:
    queue = make(3)
    for item in "abc":
        queue.put_nowait(item)
    queue.close()

    taken = []
    try:
        while True:
            taken.append(queue.get_nowait())
    except (anyio.WouldBlock, anyio.ClosedResourceError):
        pass
    assert taken == ["a", "b", "c"]


async def items_arrive_in_order_at_every_size() -> None:
    for size in (0, 1, 2, 100, math.inf):
        queue: Queue[int] = Queue.with_maxsize(size)
        async with TaskGroup() as tg:
            tg.start_soon(put_all, queue, 40)
            assert [item async for item in queue] == list(range(40))


async def put_all(queue: Queue[int], count: int) -> None:
    async with queue:
        for item in range(count):
            await queue.put(item)


async def getters_are_served_in_the_order_they_came() -> None:
    queue: Queue[int] = Queue.with_maxsize(5)
    came: list[int] = []
    got: dict[int, int] = {}

    async def get(number: int) -> None:
        came.append(number)
        got[number] = await queue.get()

    async with TaskGroup() as tg:
        for number in range(5):
            tg.start_soon(get, number)
        await anyio.wait_all_tasks_blocked()
        for item in range(5):
            queue.put_nowait(item)
    assert [got[number] for number in came] == [0, 1, 2, 3, 4]


async def putters_are_served_in_the_order_they_came() -> None:
    queue: Queue[int] = Queue.with_maxsize(1)
    queue.put_nowait(-1)
    came: list[int] = []

    async def put(number: int) -> None:
        came.append(number)
        await queue.put(number)

    async with TaskGroup() as tg:
        for number in range(4):
            tg.start_soon(put, number)
        await anyio.wait_all_tasks_blocked()
        # Taken in one step, while none of the putters can run.
        assert [queue.get_nowait() for _ in range(5)] == [-1, *came]


async def a_cancelled_getter_gives_its_item_back_to_the_front() -> None:
    queue: Queue[str] = Queue.with_maxsize(5)
    async with TaskGroup() as tg:
        getter = tg.spawn(queue.get)
        await anyio.wait_all_tasks_blocked()
        getter.cancel()
        queue.put_nowait("first")
        queue.put_nowait("second")
        await anyio.wait_all_tasks_blocked()
        kept = [] if getter.state == "cancelled" else [getter.result()]
        while not queue.empty():
            kept.append(queue.get_nowait())
        assert kept == ["first", "second"]


async def a_cancelled_put_has_put_nothing() -> None:
    queue: Queue[str] = Queue.with_maxsize(1)
    queue.put_nowait("there")
    with anyio.move_on_after(0.001):
        await queue.put("cancelled")
    assert queue.get_nowait() == "there"
    with pytest.raises(QueueEmpty):
        queue.get_nowait()


async def closing_wakes_everybody() -> None:
    full: Queue[int] = Queue.with_maxsize(1)
    full.put_nowait(1)
    empty: Queue[int] = Queue.with_maxsize(1)
    async with TaskGroup() as tg:
        putter, getter = tg.spawn(refused, full.put, 2), tg.spawn(refused, empty.get)
        await anyio.wait_all_tasks_blocked()
        full.close()
        empty.close()
        assert await putter.wait()
        assert await getter.wait()
    assert full.get_nowait() == 1


async def refused(operation, *args: object) -> bool:
    with pytest.raises(QueueClosed):
        await operation(*args)
    return True


async def a_rendezvous_meets_without_waiting() -> None:
    queue: Queue[int] = Queue.with_maxsize(0)
    with pytest.raises(QueueFull):
        queue.put_nowait(1)
    async with TaskGroup() as tg:
        tg.start_soon(queue.put, 7)
        await anyio.wait_all_tasks_blocked()
        assert queue.get_nowait() == 7
        getter = tg.spawn(queue.get)
        await anyio.wait_all_tasks_blocked()
        queue.put_nowait(8)
        assert await getter.wait() == 8


async def a_loop_that_never_waits_lets_others_run() -> None:
    queue: Queue[int] = Queue.with_maxsize(math.inf)
    ran: list[bool] = []

    async def other() -> None:
        ran.append(True)

    async with TaskGroup() as tg:
        tg.start_soon(other)
        for item in range(2000):
            await queue.put(item)
            await queue.get()
        assert ran


SCENARIOS = [
    buffered_items_outlive_the_close,
    items_arrive_in_order_at_every_size,
    getters_are_served_in_the_order_they_came,
    putters_are_served_in_the_order_they_came,
    a_cancelled_getter_gives_its_item_back_to_the_front,
    a_cancelled_put_has_put_nothing,
    closing_wakes_everybody,
    a_rendezvous_meets_without_waiting,
    a_loop_that_never_waits_lets_others_run,
]


@both
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_queue(scenario, backend) -> None:
    anyio.run(scenario, backend=backend)


@both
def test_a_queue_that_drops_on_close_is_found(backend) -> None:
    with pytest.raises(AssertionError):
        anyio.run(buffered_items_outlive_the_close, DroppingQueue, backend=backend)


@pytest.mark.parametrize(("wrong", "error"), [(-1, ValueError), (1.5, TypeError), ("1", TypeError)])
def test_a_size_that_is_no_count_is_refused(wrong, error) -> None:
    with pytest.raises(error, match="maxsize must be"):
        Queue.with_maxsize(wrong)


def test_the_errors_are_what_a_drain_loop_catches() -> None:
    assert issubclass(QueueFull, anyio.WouldBlock)
    assert issubclass(QueueClosed, (QueueEmpty,))
    assert issubclass(QueueClosed, anyio.EndOfStream)
    assert issubclass(QueueClosed, anyio.ClosedResourceError)
    assert issubclass(QueueClosed, anyio.WouldBlock)
