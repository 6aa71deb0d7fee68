"""``make bench``: `concurrency` against AnyIO's own, asyncio's own and the real systems.

    python tests/bench/constructs.py [--rounds 7]

Contestants take turns within a round, each round gives ratios of processor time to the first of
them, and the median of the rounds is printed. The real systems take part where they are installed.
"""

from __future__ import annotations

import argparse
import gc
import math
import tracemalloc
from statistics import median
from time import process_time
from types import ModuleType

import anyio
import anyio.lowlevel
from programs_of_constructs import Program
from rivals import Rivals, Who, imported

import concurrency as ours

BACKENDS = ("asyncio", "trio")
MAPPED = 100_000


def running(who: Who, backend: str) -> Who:
    """Warm everybody up; name whoever fails at it, and leave it out."""
    fit: Who = {}
    for name, program in who.items():

        async def trial(program: Program = program) -> None:
            with anyio.fail_after(60):
                await program()

        try:
            anyio.run(trial, backend=backend)
        except Exception as exc:
            print(f"\n({name} does not do the following on {backend}: {type(exc).__name__}.)")
        else:
            fit[name] = program
    return fit


def compare(title: str, count: int, who: Who, backend: str, rounds: int) -> None:
    """Print one table: nanoseconds each, and the ratio of time to the first's."""
    who = running(who, backend)
    seconds: dict[str, list[float]] = {name: [] for name in who}
    for _ in range(rounds):
        for name, program in who.items():
            gc.collect()
            started = process_time()
            anyio.run(program, backend=backend)
            seconds[name].append(process_time() - started)
    first = next(iter(seconds.values()))
    print(f"\n{title}, {backend}\n\n| | ns each | time, as a ratio |\n|---|---:|---:|")
    for name, times in seconds.items():
        ratio = median(own / base for own, base in zip(times, first, strict=True))
        print(f"| {name} | {median(times) / count * 1e9:,.0f} | {ratio:.2f} |", flush=True)


def speed(backend: str, systems: dict[str, ModuleType], rounds: int) -> None:
    """Compare everything that has a counterpart."""
    for title, count, who in Rivals(backend, systems).all():
        compare(title, count, who, backend, rounds)


def memory(backend: str) -> None:
    """Print the peak of bounded_map over few and many items, results not counted."""
    print(
        f"\nbounded_map(limit=10), peak memory beyond the results, {backend}\n\n| items | KiB |\n|---:|---:|"
    )

    async def drop(_item: object) -> None:
        await anyio.lowlevel.checkpoint()

    for count in (1_000, 10_000, MAPPED):

        async def main(count: int = count) -> None:
            await ours.bounded_map(drop, range(count), limit=10)

        anyio.run(main, backend=backend)
        gc.collect()
        tracemalloc.start()
        anyio.run(main, backend=backend)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # A list of results is the one thing that must grow: a pointer each, over-allocated.
        print(f"| {count:,} | {(peak - count * 9) / 1024:,.0f} |", flush=True)


def heap(rounds: int) -> None:
    """Plot what one put and get cost in a priority queue of n items."""
    print("\nPriorityQueue, one put and one get among n items\n\n```text")
    for exponent in range(1, 6):
        size, times = 10**exponent, []

        async def main(size: int = size, times: list[float] = times) -> None:
            queue: ours.PriorityQueue[int] = ours.PriorityQueue()
            for item in range(size):
                await queue.put_nowait((item * 7919) % size)
            for _ in range(rounds):
                started = process_time()
                for item in range(2_000):
                    await queue.put_nowait((item * 104_729) % size)
                    await queue.get_nowait()
                times.append((process_time() - started) / 2_000 * 1e9)

        anyio.run(main)
        cost = median(times)
        print(f"n = {size:>7,} {cost:>6,.0f} ns {'#' * round(cost / 200)}", flush=True)
    print(
        f"```\n\nlog2(n) grows {math.log2(1e5) / math.log2(10):.1f}-fold from the first to the last row."
    )


def tracking(rounds: int) -> None:
    """Compare a load of tracked connections with the same load untracked."""

    async def load(*, tracked: bool) -> None:
        queue: ours.Queue[bytes] = ours.Queue.with_maxsize(10)

        class Connection:
            pass

        async def serve() -> None:
            async for request in queue:
                connection = Connection()
                if tracked:
                    ours.track_resource(connection, kind="connection")
                # What a request costs beside its connection: some parsing, and some awaits.
                for _ in range(20):
                    sorted(request, key=lambda byte: -byte)
                    await anyio.lowlevel.checkpoint()
                if tracked:
                    ours.untrack_resource(connection)

        async with ours.TaskGroup() as tg:
            for _ in range(5):
                tg.start_soon(serve)
            async with queue:
                for _ in range(300):
                    await queue.put(bytes(range(64)))

    async def without() -> None:
        await load(tracked=False)

    async def idle() -> None:
        await load(tracked=True)

    async def on() -> None:
        with ours.LeakTracker():
            await load(tracked=True)

    who = {"no tracking": without, "track_resource, no tracker": idle, "LeakTracker entered": on}
    compare("300 requests, a connection each", 300, who, "asyncio", rounds)


def main() -> None:
    """Run it all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    systems = imported()
    for backend in BACKENDS:
        speed(backend, systems, rounds)
        memory(backend)
    heap(rounds)
    tracking(rounds)


if __name__ == "__main__":
    main()
