"""One reader leaves and the other loses the rest without a word: `tee(lock=)` of asyncstdlib.

Promised: each child of `tee` yields all items of the source; with a lock, from several tasks.

Found in asyncstdlib 3.14.0: whichever child asks for the next item runs the source itself. When
that task is cancelled, the cancellation ends the source, an async generator, and the other
children take its end for the end of the data.

It shows with tasks in the stock loop's own order (`reorder="arrivals"`), given one stall: it can
happen as it is.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncstdlib

import simclock

ROWS = 4


async def rows() -> AsyncIterator[int]:
    for row in range(ROWS):
        await asyncio.sleep(1)
        yield row


async def main() -> None:
    async with asyncstdlib.tee(rows(), n=2, lock=asyncio.Lock()) as (shown, saved):

        async def preview() -> None:
            # The user closes the preview after a while.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.5):
                    async for _row in shown:
                        await asyncio.sleep(0)

        async def export() -> list[int]:
            return [row async for row in saved]

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(preview())
            exporter = tasks.create_task(export())

    exported = await exporter
    assert exported == list(range(ROWS)), f"{len(exported)} of {ROWS} rows exported"


if __name__ == "__main__":
    simclock.explore(main, schedules=200)
