"""Planted bugs: primitives as they are written without thinking of cancellation or order."""

from __future__ import annotations

import heapq
from collections import deque
from typing import Self

import anyio

from concurrency import CancelScope, Lock, QueueClosed, QueueEmpty, TaskGroup


class BargingLock:
    """Wakes the first who waits, and lets whoever comes first have it."""

    def __init__(self) -> None:
        self.held = False
        self.waiting: list[anyio.Event] = []

    async def acquire(self, *, timeout: float | None = None) -> bool:
        await anyio.lowlevel.checkpoint()
        with anyio.move_on_after(timeout):
            while self.held:
                event = anyio.Event()
                self.waiting.append(event)
                try:
                    await event.wait()
                finally:
                    if event in self.waiting:
                        self.waiting.remove(event)
            self.held = True
            return True
        return False

    def release(self) -> None:
        self.held = False
        if self.waiting:
            self.waiting.pop(0).set()

    def locked(self) -> bool:
        return self.held

    def statistics(self) -> anyio.LockStatistics:
        return anyio.LockStatistics(self.held, None, len(self.waiting))


class ForgetfulCondition:
    """Takes its lock back only as long as nobody cancels it."""

    def __init__(self, lock: Lock) -> None:
        self.lock = lock
        self.event = anyio.Event()
        self.locked = lock.locked

    async def wait(self, *, timeout: float | None = None) -> bool:
        self.lock.release()
        try:
            with anyio.move_on_after(timeout) as scope:
                await self.event.wait()
        finally:
            await self.lock.acquire()
        return not scope.cancelled_caught

    def notify_all(self) -> None:
        self.event.set()

    async def __aenter__(self) -> None:
        await self.lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.lock.release()


class CountingBarrier:
    """Counts who came, and not who left."""

    def __init__(self, parties: int) -> None:
        self.parties = parties
        self.reset()

    def reset(self) -> None:
        self.n_waiting = 0
        self.event = anyio.Event()

    async def wait(self, *, timeout: float | None = None) -> int:
        place = self.n_waiting
        self.n_waiting += 1
        if self.n_waiting == self.parties:
            event = self.event
            self.reset()
            event.set()
            return place
        with anyio.fail_after(timeout):
            await self.event.wait()
        return place


class RisingLimiter:
    """Knows no way down, and counts tokens by and large."""

    def __init__(self, total: float, *, lowers: bool = False) -> None:
        self.total = total
        self.lowers = lowers
        self.borrowed_tokens = 0
        self.waiting: deque[anyio.Event] = deque()

    @property
    def available_tokens(self) -> float:
        return self.total - self.borrowed_tokens

    @property
    def total_tokens(self) -> float:
        return self.total

    @total_tokens.setter
    def total_tokens(self, value: float) -> None:
        self.total = value if self.lowers else max(self.total, value)

    async def acquire_on_behalf_of(self, _borrower: object, *, timeout: float | None) -> bool:
        while self.borrowed_tokens >= self.total:
            event = anyio.Event()
            self.waiting.append(event)
            with anyio.move_on_after(timeout) as scope:
                await event.wait()
            if scope.cancelled_caught:
                # "Gives back" what it never had.
                self.release_on_behalf_of(_borrower)
                return False
        self.borrowed_tokens += 1
        return True

    def release_on_behalf_of(self, _borrower: object) -> None:
        self.borrowed_tokens -= 1
        if self.waiting:
            self.waiting.popleft().set()


def lowering_limiter(total: float) -> RisingLimiter:
    return RisingLimiter(total, lowers=True)


class SleepyPriorityQueue:
    """Wakes the first getter for every put, until that getter has run."""

    def __init__(self) -> None:
        self.heap: list[object] = []
        self.waiting: deque[anyio.Event] = deque()

    def qsize(self) -> int:
        return len(self.heap)

    async def put(self, item: object) -> None:
        heapq.heappush(self.heap, item)
        if self.waiting:
            self.waiting[0].set()

    async def get(self) -> object:
        if not self.heap:
            event = anyio.Event()
            self.waiting.append(event)
            await event.wait()
            self.waiting.remove(event)
        return heapq.heappop(self.heap)

    async def get_nowait(self) -> object:
        if not self.heap:
            raise QueueEmpty
        return heapq.heappop(self.heap)


class LeakyQueue:
    """Hands an item to a getter, and forgets it when that getter is cancelled."""

    def __init__(self, _maxsize: float) -> None:
        self.items: deque[object] = deque()
        self.getters: deque[tuple[anyio.Event, list[object]]] = deque()
        self.closed = False

    async def put(self, item: object) -> None:
        if self.getters:
            event, box = self.getters.popleft()
            box.append(item)
            event.set()
        else:
            self.items.append(item)
        await anyio.lowlevel.checkpoint()

    def get_nowait(self) -> object:
        if not self.items:
            raise QueueEmpty
        return self.items.popleft()

    async def get(self) -> object:
        if self.items:
            return self.items.popleft()
        if self.closed:
            raise QueueClosed
        event, box = anyio.Event(), []
        self.getters.append((event, box))
        await event.wait()
        if not box:
            raise QueueClosed
        return box[0]

    def close(self) -> None:
        self.closed = True
        while self.getters:
            self.getters.popleft()[0].set()


class HastyQueue(LeakyQueue):
    """Once closed, gives nothing any more, whatever lies in it."""

    def get_nowait(self) -> object:
        if self.closed:
            raise QueueClosed
        return super().get_nowait()

    def __aiter__(self) -> HastyQueue:
        return self

    async def __anext__(self) -> object:
        if self.closed:
            raise StopAsyncIteration
        try:
            return await self.get()
        except QueueClosed:
            raise StopAsyncIteration from None


def deaf_scope(*, timeout: float | None = None, shield: bool = False) -> CancelScope:
    """Takes a timeout and a shield, and does nothing with them."""
    del timeout, shield
    return CancelScope()


class ImpatientGroup:
    """Whose handles cancel the task when the wait for it is over."""

    def __init__(self) -> None:
        self.group = TaskGroup()

    async def __aenter__(self) -> Self:
        await self.group.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> bool:
        return await self.group.__aexit__(*exc)

    def spawn(self, func, *args):
        handle = self.group.spawn(func, *args)

        class Handle:
            state = property(lambda _: handle.state)

            async def wait(self, timeout: float | None = None) -> object:
                try:
                    return await handle.wait(timeout=timeout)
                except TimeoutError:
                    handle.cancel()
                    raise

        return Handle()
