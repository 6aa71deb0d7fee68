"""What looks for mutants: kits, scenarios and properties, run one after another until one objects.

    python tests/mutation/checking.py AREA SCHEDULES

Run in a process of its own, with the copy of `concurrency` that is to be judged first on the path.
The last line on standard output is the finding in JSON, or ``null``.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import simclock
from properties.conformance import Report

HERE = Path(__file__).parent
BOTH = ("asyncio", "trio")
NATIVE = ("asyncio",)
LIMITS = simclock.Limits(steps=20_000)


@dataclass(frozen=True, slots=True)
class Finding:
    """Which check objected, where, after how many schedules, and in which words."""

    by: str
    where: str
    schedules: int
    error: str


Check = Callable[[int], Finding | None]


def kit(
    examine: Callable[..., Report], *, note: str = "", natively: bool = True, share: float = 1.0
) -> Check:
    """Examine by a conformance kit: on both backends, and under native cancellation."""
    grounds = [("asyncio", "anyio"), ("trio", "anyio"), *[("asyncio", "asyncio")] * natively]

    def check(schedules: int) -> Finding | None:
        for backend, style in grounds:
            number = max(1, round(schedules * share))
            report = examine(backend=backend, style=style, schedules=number)
            for verdict in report.verdicts:
                if verdict.failure is not None:
                    where = f"{backend}, natively" if style == "asyncio" else backend
                    by = f"{report.kit} kit{note and f' ({note})'}: {verdict.promise}"
                    return Finding(by, where, verdict.schedules, str(verdict))
        return None

    return check


def explored(
    main: Callable[..., Any],
    *,
    cancel: Sequence[bool | str] = (False,),
    backends: Sequence[str] = BOTH,
    stalls: float | None = None,
    share: float = 1.0,
    kind: str = "property",
) -> Check:
    """Explore a program that asserts what it was promised, with each kind of cancellation."""

    name = f"{kind}: {main.__name__.replace('_', ' ')}"

    def look(backend: str, cancellation: bool | str, schedules: int) -> Finding | None:
        try:
            found = simclock.explore(
                main,
                backend=backend,
                cancel=cancellation,
                stalls=stalls,
                schedules=max(1, round(schedules * share)),
                limits=LIMITS,
                on_failure="return",
            )
        except simclock.SimulationError as error:
            # A run that cannot be repeated: threads of the world outside ran into it.
            return Finding(name, backend, 0, repr(error))
        if found.failure is None:
            return None
        error = found.failure.exception
        return Finding(name, backend, found.schedules_run, f"{type(error).__name__}: {error}")

    def check(schedules: int) -> Finding | None:
        for backend in backends:
            for each in cancel:
                if (finding := look(backend, each, schedules)) is not None:
                    return finding
        return None

    return check


def scenarios(module: str) -> list[Check]:
    """Return the scenarios that the tests of `concurrency` explore anyhow, of one module."""
    tests = str(HERE.parent / "concurrency")
    if tests not in sys.path:
        sys.path.append(tests)
    table = importlib.import_module("explored.table").TABLE
    importlib.import_module(f"explored.{module}")
    return [
        explored(
            each.main,
            cancel=each.cancel,
            backends=each.backends,
            stalls=each.stalls,
            share=each.share * 0.5,
            kind="scenario",
        )
        for each in table
        if each.main.__module__ == f"explored.{module}"
    ]


def first_finding(checks: Sequence[Check], schedules: int) -> Finding | None:
    """Run ``checks`` in order and return the first finding.

    What is dropped unfinished and complains only when it is collected is a finding, too.
    """
    complaints: list[str] = []
    sys.unraisablehook = lambda args: complaints.append(repr(args.exc_value))
    for place, check in enumerate(checks):
        try:
            found = check(schedules)
        except Exception as error:
            found = Finding(f"check {place + 1} could not be run", "", 0, repr(error))
        if found is not None:
            return found
        gc.collect()
        if complaints:
            return Finding("no coroutine is left unawaited", "", 0, complaints[0])
    return None


def checks_of(area: str) -> Sequence[Check]:
    """Return what is checked in ``area``."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    checks: Sequence[Check] = importlib.import_module(f"areas.{area}").CHECKS
    return checks


def main(area: str, schedules: str) -> None:
    """Judge the copy of `concurrency` that is first on the path."""
    try:
        found = first_finding(checks_of(area), int(schedules))
    except Exception as error:
        found = Finding("the package cannot be used at all", "", 0, repr(error))
    place = sys.modules["concurrency"].__file__
    sys.stdout.write(json.dumps({"package": place, "finding": found and asdict(found)}) + "\n")
    sys.stdout.flush()
    # At once: a mutant may leave threads behind that never end.
    os._exit(0)


if __name__ == "__main__":
    # Areas import this module by its name; the same one, please.
    sys.modules["checking"] = sys.modules["__main__"]
    main(*sys.argv[1:])
