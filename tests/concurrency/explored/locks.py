"""What one task holds at a time: locks, and conditions upon them."""

from __future__ import annotations

from explored.table import Turns, scenario

from concurrency import CancelScope, Condition, Lock, RLock, TaskGroup, checkpoint, sleep


@scenario("Lock")
async def a_lock_excludes_and_serves_in_order(make=Lock) -> None:
    lock, turns, inside = make(), Turns(), 0

    async def use(timeout: float | None) -> None:
        nonlocal inside
        for _ in range(2):
            ticket = turns.draw()
            if not await lock.acquire(timeout=timeout):
                continue
            inside += 1
            try:
                turns.serve(ticket)
                assert inside == 1
                await sleep(1)
            finally:
                inside -= 1
                lock.release()

    try:
        async with TaskGroup() as tg:
            for timeout in (None, 1, None, 1.5):
                tg.start_soon(use, timeout)
    finally:
        assert not lock.locked()
        assert lock.statistics().tasks_waiting == 0


@scenario("RLock", "current_task")
async def an_rlock_is_free_after_as_many_releases(make=RLock) -> None:
    lock, inside = make(), 0

    async def use(timeout: float | None) -> None:
        nonlocal inside
        for depth in (1, 3):
            taken = 0
            try:
                for _ in range(depth):
                    if await lock.acquire(timeout=timeout):
                        taken += 1
                        inside += taken == 1
                        assert inside == 1
                    await checkpoint()
            finally:
                inside -= taken > 0
                for _ in range(taken):
                    lock.release()

    try:
        async with TaskGroup() as tg:
            for timeout in (None, 1, None):
                tg.start_soon(use, timeout)
    finally:
        assert not lock.locked()
        assert not lock.held_by_current_task()


@scenario("Condition", "Lock", "RLock")
async def a_condition_loses_no_notification(make=Condition) -> None:
    for lock in (None, Lock(), RLock()):
        condition, items = make(lock), []
        over: list[bool] = []

        async def consume(condition=condition, items=items, over=over) -> None:
            while True:
                async with condition:
                    await condition.wait_for(lambda: items or over)
                    if not items:
                        return
                    items.pop()
                    condition.notify_all()

        async def produce(condition=condition, items=items, over=over) -> None:
            try:
                for number in range(3):
                    async with condition:
                        items.append(number)
                        condition.notify()
                async with condition:
                    await condition.wait_for(lambda: not items)
            finally:
                with CancelScope(shield=True):
                    async with condition:
                        over.append(True)
                        condition.notify_all()

        try:
            async with TaskGroup() as tg:
                for task in (consume, consume, produce):
                    tg.start_soon(task)
        finally:
            assert not condition.locked()
            assert condition.statistics().tasks_waiting == 0


@scenario("Condition")
async def a_condition_gives_the_lock_back_however_a_wait_ends(make=Condition) -> None:
    condition = make(Lock())
    told = 0

    async def wait(timeout: float | None) -> None:
        nonlocal told
        async with condition:
            told += await condition.wait(timeout=timeout)

    async def notify() -> None:
        await sleep(1)
        async with condition:
            condition.notify_all()

    try:
        async with TaskGroup() as tg:
            waits = [tg.spawn(wait, timeout) for timeout in (1, 1, 2)]
            tg.start_soon(notify)
            for handle in waits:
                await sleep(3)
                handle.cancel()
    finally:
        assert told <= 3
        assert not condition.locked()
