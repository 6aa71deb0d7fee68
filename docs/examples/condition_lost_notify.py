"""A notification is lost and a consumer sleeps beside a full buffer: asyncio's own `Condition`.

Promised: `notify()` wakes one waiter. If that one is cancelled at the same moment it cannot make
use of it, so another has to be woken.

Found in Python 3.11 and 3.12 (fixed in 3.13, gh-112202): a waiter that is cancelled after it was
notified, while it takes the lock again, takes the notification with it.

It shows with tasks in the stock loop's own order (`reorder="arrivals"`), given one stall: it can
happen as it is.
"""

import asyncio

import simclock


async def main() -> None:
    buffer: list[str] = []
    filled = asyncio.Condition()

    async def take() -> str:
        async with filled:
            await filled.wait_for(lambda: buffer)
            return buffer.pop()

    async def put(item: str) -> None:
        async with filled:
            buffer.append(item)
            filled.notify()
            # Write it to the journal before anybody takes it.
            await asyncio.sleep(0.01)

    async def impatient() -> None:
        try:
            async with asyncio.timeout(1):
                await take()
        except TimeoutError:
            return
        # It was in time; the other consumer gets an item of its own.
        await put("second")

    async def producer() -> None:
        await asyncio.sleep(0.98)
        await put("first")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(impatient())
        patient = tasks.create_task(take())
        tasks.create_task(producer())

    assert await patient in {"first", "second"}


if __name__ == "__main__":
    simclock.explore(main, schedules=500)
