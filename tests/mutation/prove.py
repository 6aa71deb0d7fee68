"""Break `concurrency` in many small ways and show what catches each.

    python tests/mutation/prove.py [--only NAME] [--workers N] [--schedules N] [--timeout S]

Each mutant is put into a copy of the package, in a directory of its own, and the checks of its area
judge it in a process of its own. The untouched package comes first and has to pass them all. The
table goes to standard output as Markdown. Exit status 1: a mutant survived that is not known to be
equivalent, or one known to be was caught, or the untouched package was accused.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from planting import HERE, Mutant, load, planted

SCHEDULES = 60
TIMEOUT = 120.0
COLUMNS = ("by a kit", "by a property", "by a scenario", "else", "hung", "equivalent", "survived")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutant, or of the untouched package in one area."""

    area: str
    mutant: Mutant | None
    status: str  # "caught", "survived" or "hung"
    seconds: float
    by: str = ""
    where: str = ""
    schedules: int = 0
    error: str = ""

    @property
    def is_right(self) -> bool:
        """Whether it came out as it should."""
        if self.mutant is None or self.mutant.equivalent:
            return self.status == "survived"
        return self.status != "survived"

    @property
    def column(self) -> str:
        """Which column of the figures counts it."""
        if self.status != "caught":
            return "equivalent" if self.is_right and self.status == "survived" else self.status
        kinds = {"property": "by a property", "scenario": "by a scenario"}
        return kinds.get(self.by.partition(":")[0], "by a kit" if " kit" in self.by else "else")

    def row(self) -> str:
        """Return the row of the table."""
        assert self.mutant is not None
        by, needed = self.by, f"{self.schedules or ''}"
        if self.status == "hung":
            by = f"does not end within {self.seconds:.0f} s"
        elif self.status == "survived":
            reason = self.mutant.equivalent
            by = f"**survives**{reason and f': equivalent, {reason}'}"
        return f"| {self.mutant.name} | `{self.mutant.file}` | {self.mutant.breaks} | {by} | {needed} |"


def judge(area: str, mutant: Mutant | None, schedules: int, timeout: float) -> Outcome:
    """Judge one mutant of ``area``, or without one the package as it is."""
    started = perf_counter()
    with planted(mutant) as place:
        environment = {
            **os.environ,
            "PYTHONPATH": str(place),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [sys.executable, str(HERE / "checking.py"), area, str(schedules)]
        try:
            done = subprocess.run(
                command,
                env=environment,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome(area, mutant, "hung", perf_counter() - started)
        seconds = perf_counter() - started
        if done.returncode:
            return Outcome(area, mutant, "caught", seconds, "the process ended", "", 0, done.stderr)
        answer = json.loads(done.stdout.splitlines()[-1])
        if not Path(answer["package"]).is_relative_to(place):
            raise RuntimeError(f"{answer['package']} was judged, and not the copy")
    found = answer["finding"]
    if found is None:
        return Outcome(area, mutant, "survived", seconds)
    return Outcome(area, mutant, "caught", seconds, **found)


def prove(
    mutants: Sequence[Mutant],
    *,
    schedules: int = SCHEDULES,
    timeout: float = TIMEOUT,
    workers: int = 1,
) -> list[Outcome]:
    """Judge the untouched package in every area that is asked for, then the mutants, in order."""
    areas = list(dict.fromkeys(mutant.area for mutant in mutants))
    jobs = [*((area, None) for area in areas), *((mutant.area, mutant) for mutant in mutants)]

    def work(job: tuple[str, Mutant | None]) -> Outcome:
        outcome = judge(*job, schedules, timeout)
        name = outcome.mutant.name if outcome.mutant else "untouched"
        told = f"{outcome.status:8} {outcome.seconds:6.1f} s  {outcome.area}: {name}"
        error = "" if outcome.is_right else f"\n         {outcome.error}"
        sys.stderr.write(f"{told}  {outcome.by} {outcome.where}{error}\n")
        return outcome

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, jobs))


def table(outcomes: Sequence[Outcome]) -> str:
    """Return all outcomes as Markdown: the figures of each area, then its mutants."""
    mutants = [outcome for outcome in outcomes if outcome.mutant is not None]
    areas = list(dict.fromkeys(outcome.area for outcome in mutants))
    lines = [f"| area | mutants | {' | '.join(COLUMNS)} |", f"|---|---|{'---|' * len(COLUMNS)}"]
    for name, chosen in [
        *((area, [each for each in mutants if each.area == area]) for area in areas),
        ("all", mutants),
    ]:
        counts = Counter(each.column for each in chosen)
        cells = " | ".join(str(counts[column]) for column in COLUMNS)
        lines.append(f"| {name} | {len(chosen)} | {cells} |")
    for area in areas:
        lines += ["", f"### {area}", "", "| mutant | in | breaks | caught by | schedules |"]
        lines += ["|---|---|---|---|---|"]
        lines += [outcome.row() for outcome in mutants if outcome.area == area]
    seconds = sum(outcome.seconds for outcome in outcomes)
    return "\n".join([*lines, "", f"{seconds:.0f} s, one process at a time."])


def main() -> int:
    """Prove it, from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="an area, or a part of a mutant's name")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--schedules", type=int, default=SCHEDULES)
    parser.add_argument("--timeout", type=float, default=TIMEOUT)
    given = parser.parse_args()
    mutants = load()
    of_area = [each for each in mutants if given.only == each.area]
    chosen = of_area or [each for each in mutants if given.only in each.name]
    if not chosen:
        parser.error(f"no area is called {given.only!r}, and no mutant's name has it")
    outcomes = prove(
        chosen, schedules=given.schedules, timeout=given.timeout, workers=given.workers
    )
    sys.stdout.write(f"{table(outcomes)}\n")
    wrong = [outcome for outcome in outcomes if not outcome.is_right]
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
