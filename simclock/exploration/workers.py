"""Exploring in several processes, with the same failure for the same seed however many there are.

Worker w of n takes the schedules w, w + n, w + 2n, … A schedule is a function of its number, so
the failure with the least number is the one that a single process would have found.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

from simclock.errors import SimulationError, UsageError
from simclock.exploration.explore import Exploration, Explorer
from simclock.schedules import Schedule

__all__ = ["explore_in_processes"]

_NONE_FOUND: Final = 2**62


def explore_in_processes(
    explorer: Explorer,
    make: Callable[[], Explorer],
    schedules: int,
    workers: int,
    command: Callable[[Schedule], str],
) -> Exploration:
    """Search in ``workers`` processes; shrink and explain what is found in this one."""
    if "fork" not in multiprocessing.get_all_start_methods():
        raise UsageError("workers > 1 needs processes that fork; use workers=1 on this system")
    context = multiprocessing.get_context("fork")
    least = context.Value("q", _NONE_FOUND)
    pipes: list[tuple[Any, Connection]] = []
    for worker in range(min(workers, schedules)):
        receiver, sender = context.Pipe(duplex=False)
        numbers = range(worker, schedules, workers)
        process = context.Process(target=_work, args=(make, numbers, least, sender), daemon=True)
        process.start()
        sender.close()
        pipes.append((process, receiver))
    try:
        _gather(explorer, pipes)
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(
            f"simclock: interrupted while {len(pipes)} processes explored; with workers=1 the "
            "schedule that was being run is told."
        )
        raise
    finally:
        for process, _ in pipes:
            process.terminate()
            process.join()
    if least.value == _NONE_FOUND:
        return explorer.conclude(None)
    with explorer.runner:
        found = explorer.search([least.value])
        if found is None:
            raise SimulationError(
                f"schedule {least.value + 1} failed in a worker process and passes in this one: "
                "the program depends on what ran before it in its process"
            )
        return explorer.conclude(explorer.explain(found, command))


def _gather(explorer: Explorer, pipes: Sequence[tuple[Any, Connection]]) -> None:
    """Add to ``explorer`` what each process has seen, once it is done."""
    for process, receiver in pipes:
        try:
            explorer.merge(receiver.recv())
        except EOFError:
            process.join()
            raise SimulationError(
                f"a worker process ended without a result (exit status {process.exitcode}); "
                "explore with workers=1 to see why"
            ) from None
        process.join()


def _work(make: Callable[[], Explorer], numbers: range, least: Any, sender: Connection) -> None:
    """Search ``numbers`` until one fails or another worker's failure comes first."""
    explorer = make()
    explorer.progress = None
    try:
        with explorer.runner:
            found = explorer.search(numbers, stop=lambda number: number > least.value)
    except (SimulationError, KeyboardInterrupt):
        # A divergence between two runs of one schedule, or a program that interrupts itself: the
        # parent will meet it again.
        failed: int | None = numbers.start if explorer.number is None else explorer.number
    else:
        failed = None if found is None else found.number
    if failed is not None:
        with least.get_lock():
            least.value = min(least.value, failed)
    sender.send(explorer.findings())
    sender.close()
