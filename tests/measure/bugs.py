"""Measure how soon each of many known bugs is found, and whether its failure replays everywhere.

    python tests/measure/bugs.py DIRECTORY [--backend asyncio] [--seeds 10] [--max 2000]
        [--schedulers portfolio,random,pct:3] [--replays 20] [--fixed 10000] [--only 05,25]

DIRECTORY holds one folder for each bug, with two programs, ``buggy.py`` and ``fixed.py``, each with
an ``async def main()``, and a ``meta.toml`` that names the ``backends`` on which the bug shows and
its ``trigger``: ``schedule``, ``time``, ``cancellation`` or ``fault``. The table goes to standard
output as Markdown, what happens meanwhile to standard error.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import simclock
from simclock.exploration.recording import replay
from simclock.exploration.runs import Runner
from simclock.exploration.world import World
from simclock.schedules import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEDULERS = "portfolio,random,pct:3,urw,pos,delays:2"
# These walk a finite space in one order, whatever the seed.
SYSTEMATIC = ("delays", "exhaustive")
STALLS = 0.1


@dataclass(frozen=True)
class Bug:
    """One bug as a program, in a directory of them."""

    folder: Path
    backends: tuple[str, ...]
    trigger: str
    survives: bool

    @property
    def name(self) -> str:
        return self.folder.name

    def main(self, variant: str) -> Any:
        """Return ``main`` of a fresh copy of the variant, as a new process would have it."""
        path = self.folder / f"{variant}.py"
        spec = importlib.util.spec_from_file_location(f"{variant}_{self.name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.main


@dataclass
class Search:
    """What one scheduler made of one bug on one backend, seed by seed."""

    runs: list[int | None] = field(default_factory=list)
    deviations: list[int] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def median(self, most: int) -> str:
        """Return the median number of schedules until the bug was found."""
        if self.troubles:
            return "trouble"
        middle = statistics.median(most + 1 if run is None else run for run in self.runs)
        return f">{most}" if middle > most else f"{middle:g}"

    def worst(self, most: int) -> str:
        """Return the largest number of schedules that any seed needed."""
        return max((f">{most}" if r is None else str(r) for r in self.runs), key=len_and_text)


def len_and_text(text: str) -> tuple[int, str]:
    """Order numerals, and what exceeds them, by size."""
    return len(text), text


def main(arguments: Sequence[str]) -> int:
    """Measure what the command line asks for; return 1 if a bug escaped or a fix was accused."""
    options = parse(arguments)
    if options.replay is not None:
        sys.stdout.write(digest_of_replay(options))
        return 0
    rows, misses = [], []
    schedulers = options.schedulers.split(",")
    for bug, backend in wanted(options):
        row, missed = measure(bug, backend, schedulers, options)
        rows.append(row)
        misses += missed
        tell(" | ".join(row))
    sys.stdout.write("\n".join([*head(schedulers), *(f"| {' | '.join(row)} |" for row in rows)]))
    sys.stdout.write("\n\n")
    sys.stdout.write("\n".join(f"- {miss}" for miss in misses) or "Nothing was missed.")
    sys.stdout.write("\n")
    return 1 if misses else 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description="Measure how soon known bugs are found.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--backend", action="append", choices=["asyncio", "trio"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--max", type=int, default=2_000, dest="most")
    parser.add_argument("--schedulers", default=SCHEDULERS)
    parser.add_argument("--replays", type=int, default=0)
    parser.add_argument("--fixed", type=int, default=0)
    parser.add_argument("--only", default="", help="names of folders, or how they begin")
    parser.add_argument("--replay", metavar="SCHEDULE", help="for the script's own processes")
    return parser.parse_args(arguments)


def wanted(options: argparse.Namespace) -> Iterator[tuple[Bug, str]]:
    """Yield each bug of the directory with each backend asked for."""
    only = tuple(options.only.split(",")) if options.only else ("",)
    for path in sorted(options.directory.glob("*/meta.toml")):
        if not path.parent.name.startswith(only):
            continue
        meta = tomllib.loads(path.read_text())
        survives = meta.get("fixed_survives_injected_cancellation", False)
        bug = Bug(path.parent, tuple(meta["backends"]), meta["trigger"], survives)
        for backend in bug.backends:
            if options.backend is None or backend in options.backend:
                yield bug, backend


def head(schedulers: Sequence[str]) -> list[str]:
    """Return the head of the table."""
    names = ["bug", "backend", "trigger", *schedulers]
    names += ["worst seed", "found", "deviations", "replays", "fixed: accused"]
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]


def measure(
    bug: Bug, backend: str, schedulers: Sequence[str], options: argparse.Namespace
) -> tuple[list[str], list[str]]:
    """Return the row of one bug on one backend, and what was missed; the first scheduler counts."""
    searches = {name: search(bug, backend, name, options) for name in schedulers}
    first = searches[schedulers[0]]
    found = sum(run is not None for run in first.runs)
    misses = [
        f"{bug.name} on {backend}: {trouble}" for s in searches.values() for trouble in s.troubles
    ]
    if found < len(first.runs):
        misses.append(
            f"{bug.name} on {backend}: {schedulers[0]} found it in {found} of {len(first.runs)}"
        )
    replays, diverged = replay_in_processes(bug, backend, first, options.replays)
    misses += diverged
    accused, accusations = run_fixed(bug, backend, schedulers[0], options.fixed)
    misses += accusations
    few = f"{min(first.deviations)}-{max(first.deviations)}" if first.deviations else "-"
    row = [bug.name, backend, bug.trigger]
    row += [searches[name].median(options.most) for name in schedulers]
    row += [first.worst(options.most), f"{found}/{len(first.runs)}", few, replays, accused]
    return row, misses


def search(bug: Bug, backend: str, scheduler: str, options: argparse.Namespace) -> Search:
    """Explore the buggy program once for each seed."""
    result = Search()
    seeds = 1 if scheduler.startswith(SYSTEMATIC) else options.seeds
    stalls = STALLS if bug.trigger == "time" and scheduler != "portfolio" else None
    for seed in range(seeds):
        try:
            exploration = simclock.explore(
                bug.main("buggy"),
                backend=backend,
                schedules=options.most,
                scheduler=scheduler,
                seed=seed,
                cancel=bug.trigger == "cancellation",
                stalls=stalls,
                on_failure="return",
            )
        except simclock.SimulationError as error:
            result.troubles.append(f"{scheduler}, seed {seed}: {error!r}")
            continue
        failure = exploration.failure
        result.runs.append(None if failure is None else failure.number + 1)
        if failure is not None:
            result.deviations.append(len(failure.schedule))
            told = digest(failure.trace.events, failure.exception)
            result.failures.append((str(failure.schedule), told))
    return result


def digest(events: Sequence[Any], failure: BaseException | None) -> str:
    """Return a short text that differs if any event, or the failure, does."""
    return sha256(f"{list(events)!r} {failure!r}".encode()).hexdigest()[:16]


def replay_in_processes(
    bug: Bug, backend: str, search: Search, count: int
) -> tuple[str, list[str]]:
    """Replay the failures, each in turn, in ``count`` processes that share nothing with this one."""
    if not count or not search.failures:
        return "-", []
    same, misses = 0, []
    for number in range(count):
        schedule, expected = search.failures[number % len(search.failures)]
        told = replay_in_process(bug, schedule, number)
        same += told == expected
        if told != expected:
            misses.append(
                f"{bug.name} on {backend}: process {number} replayed {schedule} as {told}"
            )
    return f"{same}/{count}", misses


def replay_in_process(bug: Bug, schedule: str, number: int) -> str:
    """Return what a process of its own makes of ``schedule``; ``number`` spoils its heap."""
    command = [sys.executable, __file__, str(bug.folder), "--replay", schedule]
    command += ["--seeds", str(number)]
    environment = {**os.environ, "PYTHONHASHSEED": str(number * 7 + 1)}
    done = subprocess.run(command, capture_output=True, env=environment, text=True, check=False)
    return done.stdout or done.stderr.strip().splitlines()[-1]


def digest_of_replay(options: argparse.Namespace) -> str:
    """Replay one schedule here, after work of other kinds, and return its digest."""
    litter = spoil(options.seeds)
    bug = Bug(options.directory, (), "", survives=False)
    schedule = decode(options.replay)
    world = World(schedule.backend, schedule.seed)
    with Runner(bug.main("buggy"), (), world) as runner:
        outcome = replay(runner, schedule, strict=True, observing=True).outcome
    del litter
    return digest(outcome.simulation.trace.events, outcome.failure)


def spoil(number: int) -> list[object]:
    """Make a heap, a state of the random module and a warmth that no other process has."""
    random.seed(number)
    litter: list[object] = [bytearray(random.randrange(1, 4_000)) for _ in range(500 * number)]
    litter += [json.loads(json.dumps({str(i): [i]})) for i in range(100 * number)]
    del litter[:: 2 + number % 3]

    async def other() -> None:
        import asyncio

        await asyncio.gather(*(asyncio.sleep(i % 3) for i in range(number)))

    if number % 2:
        simclock.explore(other, schedules=number, seed=number)
    return litter


def run_fixed(bug: Bug, backend: str, scheduler: str, schedules: int) -> tuple[str, list[str]]:
    """Explore the fixed program, with cancellations too if it withstands them."""
    if not schedules:
        return "-", []
    misses = []
    for cancel in (False, True) if bug.survives else (False,):
        exploration = simclock.explore(
            bug.main("fixed"),
            backend=backend,
            schedules=schedules,
            scheduler=scheduler,
            cancel=cancel,
            on_failure="return",
        )
        if exploration.failure is not None:
            story = exploration.failure.report()
            tell(story)
            where = f"{bug.name} on {backend}, fixed, cancel={cancel}"
            misses.append(f"{where}, schedule {exploration.failure.number + 1}: {story!r}")
    runs = schedules * (2 if bug.survives else 1)
    return f"{len(misses)} in {runs:,}", misses


def tell(text: str) -> None:
    """Say on standard error what goes on."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
