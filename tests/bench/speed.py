"""``make bench``: how fast, against whom, in ratios of interleaved rounds.

    python tests/bench/speed.py [--rounds 5] [--memory SCHEDULES]

Machines are noisy, so absolute figures mean little: contestants take turns within a round, each
round gives a ratio of processor time to the stock loop, and the median of the rounds is printed.
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

sys.path.insert(0, str(Path(__file__).parent))

import contestants
import programs

Row = tuple[str, float, float]


def time_rounds(runners: dict[str, Callable[[], None]], rounds: int, baseline: str) -> list[Row]:
    """Return name, median seconds and median ratio baseline/contestant for each."""
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for run in runners.values():
        run()
    for _ in range(rounds):
        for name, run in runners.items():
            gc.collect()
            started = process_time()
            run()
            seconds[name].append(process_time() - started)
    return [
        (
            name,
            median(times),
            median(base / own for base, own in zip(seconds[baseline], times, strict=True)),
        )
        for name, times in seconds.items()
    ]


def table(title: str, unit: str, count: int, rows: list[Row]) -> None:
    """Print one table: rate, and ratio to the first row."""
    print(f"\n{title}\n")
    print(f"| | {unit} | ratio |\n|---|---:|---:|")
    for name, seconds, ratio in rows:
        print(f"| {name} | {count / seconds:,.0f} | {ratio:.2f} |")
    sys.stdout.flush()


def steps(rounds: int) -> None:
    """A random choice at every step, recorded, against the stock loops."""
    count = programs.TASKS * programs.CHECKPOINTS
    for title, who, program in (
        (
            "Steps, asyncio: 1,000 tasks × 200 checkpoints",
            contestants.on_asyncio(),
            programs.asyncio_steps,
        ),
        ("Steps, trio: 1,000 tasks × 200 checkpoints", contestants.on_trio(), programs.trio_steps),
    ):
        # The others need minutes for what takes the stock loop a quarter of a second.
        fast = {n: run for n, run in who.items() if not n.startswith(("simloom", "simloop"))}
        runners = {
            name: (lambda run=run, program=program: run(program, 1)) for name, run in fast.items()
        }
        table(title, "steps/s", count, time_rounds(runners, rounds, next(iter(fast))))


def schedules(rounds: int) -> None:
    """Many small runs."""
    for title, who in (
        ("Schedules, asyncio: an AnyIO program of three tasks", contestants.on_asyncio()),
        ("Schedules, trio: the same", contestants.on_trio()),
    ):
        times = 300
        runners = {
            name: (lambda run=run, times=times: run(programs.three_tasks, times))
            for name, run in who.items()
        }
        table(title, "schedules/s", times, time_rounds(runners, rounds, next(iter(who))))


def sleeps(rounds: int) -> None:
    """Virtual seconds against the stock loops' shortest sleeps."""
    count = programs.SLEEPERS * programs.SLEEPS
    on_asyncio, on_trio = contestants.on_asyncio(), contestants.on_trio()
    runners = {
        "asyncio, stock, sleep(0)": lambda: on_asyncio["asyncio, stock"](
            programs.asyncio_zero_sleeps, 1
        ),
        "asyncio, stock, sleep(1e-9)": lambda: on_asyncio["asyncio, stock"](
            programs.asyncio_short_sleeps, 1
        ),
        "simclock, calm, sleep(1)": lambda: on_asyncio["simclock, calm"](
            programs.asyncio_sleeps, 1
        ),
        "simclock, random, sleep(1)": lambda: on_asyncio["simclock, random"](
            programs.asyncio_sleeps, 1
        ),
    }
    if "looptime" in on_asyncio:
        runners["looptime, sleep(1)"] = lambda: on_asyncio["looptime"](programs.asyncio_sleeps, 1)
    table("Sleeps, asyncio", "sleeps/s", count, time_rounds(runners, rounds, next(iter(runners))))
    runners = {
        "trio, stock, sleep(0)": lambda: on_trio["trio, stock"](programs.trio_zero_sleeps, 1),
        "simclock, calm, sleep(1)": lambda: on_trio["simclock, calm"](programs.trio_sleeps, 1),
        "simclock, random, sleep(1)": lambda: on_trio["simclock, random"](programs.trio_sleeps, 1),
        "trio, MockClock, sleep(1)": lambda: on_trio["trio, MockClock"](programs.trio_sleeps, 1),
    }
    table("Sleeps, trio", "sleeps/s", count, time_rounds(runners, rounds, next(iter(runners))))


def memory(count: int) -> None:
    """Peak memory after a tenth of the schedules and after all of them."""
    import simclock

    for backend in ("asyncio", "trio"):
        peaks = []
        for share in (count // 10, count):
            simclock.explore(programs.three_tasks, backend=backend, schedules=share)
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        print(
            f"\nMemory, {backend}: {peaks[0]} MiB after {count // 10:,} schedules, {peaks[1]} MiB after {count:,}"
        )
        sys.stdout.flush()


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, default=20_000)
    options = parser.parse_args()
    steps(options.rounds)
    schedules(options.rounds)
    sleeps(options.rounds)
    memory(options.memory)


if __name__ == "__main__":
    main()
