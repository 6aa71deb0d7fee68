"""Three jobs run where two are allowed: taking back a job that has not begun, in aiojobs.

Promised: `Scheduler(limit=2)` runs two jobs at a time; further ones wait in line.

Found in aiojobs 1.4.0: closing a job that still waits in line starts it, in order to cancel it.
When that task ends, the scheduler starts the next in line although none of the two has finished:
the closed job has left the list of jobs but not the line, so the number of active jobs, the
difference of the two, comes out one too low.

It shows with tasks in the stock loop's own order (`reorder="arrivals"`), given one stall: it can
happen as it is.
"""

import asyncio

import aiojobs

import simclock

LIMIT = 2


async def main() -> None:
    running = most = 0

    async def download() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1

    async with aiojobs.Scheduler(limit=LIMIT) as scheduler:
        jobs = [await scheduler.spawn(download()) for _ in range(4)]
        # The user takes the third back, just when the first two are done.
        await asyncio.sleep(1)
        await jobs[2].close()
        for job in jobs[0], jobs[1], jobs[3]:
            await job.wait()

    assert most <= LIMIT, f"{most} downloads at once, {LIMIT} allowed"


if __name__ == "__main__":
    simclock.explore(main, schedules=200)
