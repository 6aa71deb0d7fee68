"""A job that its sender believes undelivered is carried out all the same: AnyIO's memory stream.

Promised: `send()` either delivers the item, or raises. So a sender whose `send()` was cancelled
may hand the job to somebody else, and no job is ever done twice.

Found in anyio 4.16.0: a sender cancelled while it waits for a receiver stays listed until it runs
again. A receiver that runs first takes its item, and `send()` raises the cancellation anyway.
trio's own channel withdraws the item.

It shows with tasks in the stock loop's own order (`reorder="arrivals"`), given one stall: it can
happen as it is.
"""

import anyio

import simclock


async def main() -> None:
    send, receive = anyio.create_memory_object_stream[str](0)
    done: list[str] = []

    async def dispatcher() -> None:
        try:
            with anyio.fail_after(1):
                await send.send("invoice 17")
        except TimeoutError:
            # No worker took it in time: do it here.
            done.append("invoice 17")
        send.close()

    async def worker() -> None:
        # Another job keeps the worker busy for nearly as long as the dispatcher waits.
        await anyio.sleep(0.9)
        async for job in receive:
            done.append(job)
        receive.close()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dispatcher)
        tasks.start_soon(worker)

    assert done == ["invoice 17"], f"carried out: {done}"


if __name__ == "__main__":
    simclock.explore(main, schedules=200)
