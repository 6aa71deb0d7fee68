"""One page gives up, and another that did not is cancelled: aiodataloader.

Promised: `load()` returns the value for a key; whoever asks for the same key meanwhile shares the
work.

Found in aiodataloader 0.4.3: they share more than the work. `load()` hands the same future to all,
and cancelling a task that awaits a future cancels the future. The others get a `CancelledError`
that nobody sent them, and as the future stays cached, so does everybody who asks later.

It shows with tasks in the stock loop's own order (`reorder="arrivals"`), given one stall: it can
happen as it is.
"""

import asyncio
import contextlib

from aiodataloader import DataLoader

import simclock


async def load_users(keys: list[int]) -> list[str]:
    await asyncio.sleep(0.9)
    return [f"user {key}" for key in keys]


async def main() -> None:
    users: DataLoader[int, str] = DataLoader(load_users)

    async def impatient_page() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await users.load(7)

    async def page() -> str:
        return await users.load(7)

    impatient = asyncio.create_task(impatient_page())
    patient = asyncio.create_task(page())
    await asyncio.wait([impatient, patient])

    assert not patient.cancelled(), "a page was cancelled because another one gave up"
    assert patient.result() == "user 7"


if __name__ == "__main__":
    simclock.explore(main, schedules=200)
