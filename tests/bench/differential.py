"""How many programs a second are held against the reference model, and where the time goes.

    python tests/bench/differential.py [--programs 1000]

Hypothesis draws programs and schedules, each runs on one library, and the model judges what was
seen. Processor time, so that what else the machine does counts little.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from time import process_time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from properties import CALM, schedules, task_trees
from properties.reference import (
    INTERPRETERS,
    Interpreter,
    Observer,
    Verdict,
    allows,
    outcomes,
    rules_needed,
)


def drawing(programs: int) -> settings:
    """Return settings under which the same programs are drawn each time."""
    return settings(
        max_examples=programs,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


def measure(observer: Observer, interpreter: Interpreter, programs: int, *, calm: bool):
    """Return what was counted, and the seconds spent: in runs, in the model, and altogether."""
    counts: Counter[str] = Counter()
    seconds = {"run": 0.0, "model": 0.0}
    worst = 0.0

    @drawing(programs)
    @given(task_trees(), st.just(CALM) if calm else schedules(stalls=False))
    def judge(program, schedule):
        nonlocal worst
        started = process_time()
        outcome = observer.observe(program, interpreter, schedule)
        ran = process_time()
        verdict = allows(program, outcome, interpreter.dialect_under(schedule))
        judged = process_time()
        assert verdict is not Verdict.REFUSED, str(program)
        seconds["run"] += ran - started
        seconds["model"] += judged - ran
        worst = max(worst, judged - ran)
        counts["programs"] += 1
        counts["undecided"] += verdict is Verdict.UNDECIDED

    started = process_time()
    judge()
    return counts, seconds, process_time() - started, worst


def report(programs: int) -> None:
    """Print one line for each library, on the calm schedule and on drawn ones."""
    print(
        "| | schedule | programs/s | in Hypothesis | in the runs | in the model | "
        "slowest judgement | undecided |\n|---|---|---:|---:|---:|---:|---:|---:|"
    )
    with Observer() as observer:
        for interpreter in INTERPRETERS:
            for calm in (True, False):
                counts, seconds, total, worst = measure(observer, interpreter, programs, calm=calm)
                rest = total - seconds["run"] - seconds["model"]
                shares = (rest / total, seconds["run"] / total, seconds["model"] / total)
                print(
                    f"| {interpreter.name} | {'calm' if calm else 'drawn'} "
                    f"| {counts['programs'] / total:,.0f} "
                    + "".join(f"| {share:.0%} " for share in shares)
                    + f"| {worst * 1000:,.0f} ms | {counts['undecided']} |"
                )
                sys.stdout.flush()


def report_reduction(programs: int) -> None:
    """Print how many states the walk looks at with the reduction, and without."""
    states = Counter()

    @drawing(programs)
    @given(task_trees())
    def walk(program):
        every = outcomes(program, limit=5_000, reduced=False)
        states["every order"] += every.states
        states["reduced"] += outcomes(program, limit=5_000).states
        states["cut short"] += not every.complete

    walk()
    print(
        f"\nAll outcomes of {programs} programs on trio: {states['reduced']:,} states, and "
        f"{states['every order']:,} where every order is tried ({states['cut short']} programs "
        "were given up at 5,000)."
    )


PAIRS = (
    ("anyio on asyncio", "anyio on trio"),
    ("anyio on trio", "trio"),
    ("concurrency on asyncio", "concurrency on trio"),
    ("concurrency on asyncio", "anyio on asyncio"),
    ("concurrency on trio", "anyio on trio"),
)


def report_differences(programs: int) -> None:
    """Print how often two libraries differ on the calm schedule, and by which of their rules."""
    by_name = {interpreter.name: interpreter for interpreter in INTERPRETERS}
    found: dict[tuple[str, str], Counter[str]] = {pair: Counter() for pair in PAIRS}

    @drawing(programs)
    @given(task_trees())
    def compare(program):
        seen = {name: observer.observe(program, by_name[name]) for name in by_name}
        for (one, other), counts in found.items():
            if seen[one] == seen[other]:
                counts["(equal)"] += 1
                continue
            mine, theirs = by_name[one].dialect, by_name[other].dialect
            rules = rules_needed(program, seen[one], theirs, mine)
            assert rules is not None, str(program)
            counts[", ".join(rules) or "(order of steps)"] += 1

    with Observer() as observer:
        compare()
    print(
        f"\n{programs} programs on the calm schedule:\n\n| | differ | by which rules |\n|---|---:|---|"
    )
    for (one, other), counts in found.items():
        equal = counts.pop("(equal)")
        total = equal + counts.total()
        rules = ", ".join(f"{rule}: {count}" for rule, count in counts.most_common())
        print(f"| {one} and {other} | {1 - equal / total:.1%} | {rules or 'none'} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=1_000)
    programs = parser.parse_args().programs
    report(programs)
    report_differences(programs)
    report_reduction(programs // 4)


if __name__ == "__main__":
    main()
