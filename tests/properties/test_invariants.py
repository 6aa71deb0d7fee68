"""Each invariant holds for what keeps its promise, and catches a planted violation of it."""

from __future__ import annotations

from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint

import concurrency
import simclock
from properties.invariants import (
    BrokenInvariantError,
    CancellationArrives,
    ConservedItems,
    ConservedPermits,
    FirstInFirstOut,
    MutualExclusion,
    NoStarvation,
    NoTaskOutlivesItsGroup,
    ScopesEndInTime,
    watched,
)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


def holds(main, backend, **options):
    simclock.explore(main, backend=backend, schedules=60, **options)


def breaks(main, backend, match, **options):
    with pytest.raises(BrokenInvariantError, match=match):
        simclock.explore(main, backend=backend, schedules=200, **options)


class LeakyLock:
    """A planted bug: looks whether it is free, and takes it a step later."""

    def __init__(self):
        self.held = False

    async def __aenter__(self):
        while self.held:
            await checkpoint()
        await checkpoint()
        self.held = True

    async def __aexit__(self, *_):
        self.held = False


@pytest.mark.parametrize(
    ("make", "verdict"), [(concurrency.Lock, holds), (LeakyLock, breaks)], ids=["ours", "planted"]
)
def test_mutual_exclusion(backend, make, verdict):
    @watched(MutualExclusion)
    async def main(exclusion):
        lock = make()

        async def task():
            async with lock:
                with exclusion.inside():
                    await checkpoint()

        async with concurrency.TaskGroup() as tg:
            for _ in range(3):
                tg.start_soon(task)

    verdict(main, backend, *(["at most 1 inside at once: 2 are"] if verdict is breaks else []))


class ForgetfulQueue:
    """A planted bug: a getter that is cancelled after it was served drops its item."""

    def __init__(self):
        self.items = []

    async def put(self, item):
        self.items.append(item)

    async def get(self):
        while not self.items:
            await anyio.sleep(1)
        item = self.items.pop(0)
        await checkpoint()
        return item


@pytest.mark.parametrize("make", [lambda: concurrency.Queue.with_maxsize(10), ForgetfulQueue])
def test_conservation_of_items(backend, make):
    @watched(ConservedItems)
    async def main(items):
        queue = make()

        async def getter():
            with anyio.move_on_after(2):
                items.received(await queue.get())

        async with anyio.create_task_group() as tg:
            tg.start_soon(getter)
            await queue.put("item")
            items.sent("item")
        with anyio.move_on_after(10):
            while True:
                items.left_over(await queue.get())

    if make is ForgetfulQueue:
        breaks(main, backend, "lost 'item'", stalls=0.3)
    else:
        holds(main, backend, stalls=0.3)


def test_an_item_made_up_or_doubled_is_no_conservation():
    items = ConservedItems()
    items.sent("a")
    items.received("a")
    items.received("a")

    with pytest.raises(BrokenInvariantError, match="never put in, or twice: 'a'"):
        items.check()


@pytest.mark.parametrize("hands_back", [True, False])
def test_conservation_of_permits(backend, hands_back):
    @watched(lambda: ConservedPermits(2))
    async def main(permits):
        semaphore = concurrency.Semaphore(2)

        async def task():
            await semaphore.acquire()
            permits.taken()
            try:
                await anyio.sleep(1)
            finally:
                permits.given()
                # Without this, a permit is lost to each cancellation.
                if hands_back or concurrency.effective_deadline() != float("-inf"):
                    semaphore.release()

        async with anyio.create_task_group() as tg:
            for _ in range(3):
                tg.start_soon(task)
            await anyio.sleep(0.5)
            tg.cancel_scope.cancel()
        permits.free(semaphore.value)

    (holds if hands_back else breaks)(
        main, backend, *([] if hands_back else ["0 are held and 0 free"])
    )


def test_a_permit_too_many_is_no_conservation():
    permits = ConservedPermits(1)
    permits.taken()

    with pytest.raises(BrokenInvariantError, match="2 are held"):
        permits.taken()


class UnfairLock:
    """A planted bug: whoever happens to look when it is free has it."""

    def __init__(self):
        self.held = False

    async def acquire(self):
        while self.held:
            await checkpoint()
        self.held = True

    def release(self):
        self.held = False


@pytest.mark.parametrize("make", [concurrency.Lock, UnfairLock])
@pytest.mark.parametrize("invariant", [FirstInFirstOut, lambda: NoStarvation(0)])
def test_order_and_starvation(backend, make, invariant):
    @watched(invariant)
    async def main(order):
        lock = make()

        async def task(name):
            order.came(name)
            await lock.acquire()
            order.served(name)
            await checkpoint()
            lock.release()

        async with anyio.create_task_group() as tg:
            for name in "abc":
                tg.start_soon(task, name)

    if make is UnfairLock:
        breaks(main, backend, "was served before|was overtaken 1 times")
    else:
        holds(main, backend)


def test_starvation_counts_steps_too(backend):
    @watched(lambda: NoStarvation(10, steps=20))
    async def main(starvation):
        starvation.came("a")
        for _ in range(30):
            await checkpoint()
        starvation.served("a")

    breaks(main, backend, "'a' waited for")


def test_who_still_waits_at_the_end_starves():
    starvation = NoStarvation(1)
    starvation.came("a")

    with pytest.raises(BrokenInvariantError, match="'a' still waits"):
        starvation.check()


@pytest.mark.parametrize("make", [concurrency.TaskGroup, anyio.create_task_group])
def test_tasks_end_before_their_group(backend, make):
    @watched(NoTaskOutlivesItsGroup)
    async def main(outlives):
        async with outlives.group(make()) as tg:
            tg.start_soon(anyio.sleep, 3)

    holds(main, backend)


def test_a_task_that_outlives_its_group_is_caught(backend):
    @watched(NoTaskOutlivesItsGroup)
    async def main(outlives):
        @asynccontextmanager
        async def hasty(tg):
            # A planted bug: the block ends, and its tasks run on.
            yield tg

        async with anyio.create_task_group() as tg:
            async with outlives.group(hasty(tg)) as inner:
                inner.start_soon(anyio.sleep, 3)
                await anyio.sleep(1)

    breaks(main, backend, "no task outlives its group: sleep did")


@pytest.mark.parametrize("swallows", [False, True])
def test_scopes_end_by_their_deadline(backend, swallows):
    @watched(ScopesEndInTime)
    async def main(scopes):
        with scopes.by(anyio.current_time() + 1), concurrency.move_on_after(1):
            with anyio.CancelScope(shield=swallows):
                await anyio.sleep(2)

    if swallows:
        breaks(main, backend, "one with deadline t=1s ended at t=2s")
    else:
        holds(main, backend, scheduler="random", stalls=0)


@pytest.mark.parametrize("body", ["waits", "swallows", "spins"])
def test_cancellation_arrives_exactly_once(backend, body):
    @watched(CancellationArrives)
    async def main(arrives):
        async def task():
            with arrives.task("task"):
                try:
                    await anyio.sleep(10)
                except anyio.get_cancelled_exc_class():
                    if body == "waits":
                        raise
                    if body == "spins":
                        # Met here and again on its way out.
                        arrives.reached("task")
                        raise
                    # A planted bug: swallowed.

        async with anyio.create_task_group() as tg:
            tg.start_soon(task)
            await anyio.sleep(1)
            arrives.cancelled()
            tg.cancel_scope.cancel()

    if body == "waits":
        holds(main, backend, stalls=0)
    else:
        breaks(main, backend, "never met it, or swallowed it|met it 2 times", stalls=0)
