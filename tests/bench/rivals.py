"""Who has what: AnyIO, asyncio, and the libraries the names come from, where they import.

A rival is a row name and a program. What it offers is called as its own documents call it; what
fails in its first run is named and left out of that table.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import anyio
import programs_of_constructs as programs

import concurrency as ours

Who = dict[str, programs.Program]

PATHS = {
    "lionherd-core": "lionherd_core.libs.concurrency",
    "lionpride": "lionpride.libs.concurrency",
    "toolcase": "toolcase.runtime.concurrency",
}


def imported() -> dict[str, ModuleType]:
    """Import the real systems; say which one cannot be."""
    modules: dict[str, ModuleType] = {}
    for name, path in PATHS.items():
        try:
            modules[name] = importlib.import_module(path)
        except (ImportError, AttributeError, SyntaxError) as exc:
            print(f"({name} cannot be imported here and takes no part: {type(exc).__name__}.)")
    return modules


class Rivals:
    """Tables of contestants, the first of each being what the others are measured by."""

    def __init__(self, backend: str, systems: dict[str, ModuleType]) -> None:
        self.stock = backend == "asyncio"
        self.systems = systems

    def _table(
        self, name: str, program: Callable[[Any], programs.Program], first: Who, stock: Who
    ) -> Who:
        who = {**first, name: program(getattr(ours, name))}
        if self.stock:
            who |= stock
        for system, module in self.systems.items():
            if offered := getattr(module, name, None):
                who[system] = program(offered)
        return who

    def all(self) -> list[tuple[str, int, Who]]:
        """Return every table as its title, how many operations a run has, and who takes part."""
        return [*self._primitives(), *self._queues(), *self._patterns()]

    def _primitives(self) -> list[tuple[str, int, Who]]:
        def fast_lock() -> anyio.Lock:
            return anyio.Lock(fast_acquire=True)

        def permits(make: Callable[[int], Any]) -> programs.Program:
            return programs.calls(lambda: make(1))

        def tokens(make: Callable[[int], Any]) -> programs.Program:
            return programs.blocks(lambda: make(1))

        table, rows = self._table, []
        for title, use in (
            ("lock.acquire() and release()", programs.calls),
            ("async with lock", programs.blocks),
            ("lock.acquire() and release(), made outside the event loop", programs.calls_outside),
        ):
            first = {"anyio.Lock, fast": use(fast_lock)}
            who = table("Lock", use, first, {"asyncio.Lock": use(asyncio.Lock)})
            rows.append((title, programs.LOCKS, who))
        # The fast path lets nobody else run between; ours does, as AnyIO's own does by default.
        first = {
            "anyio.Semaphore": permits(anyio.Semaphore),
            "anyio.Semaphore, fast": permits(lambda n: anyio.Semaphore(n, fast_acquire=True)),
        }
        who = table("Semaphore", permits, first, {"asyncio.Semaphore": permits(asyncio.Semaphore)})
        rows.append(("semaphore.acquire() and release()", programs.LOCKS, who))
        who = table("CapacityLimiter", tokens, {"anyio's": tokens(anyio.CapacityLimiter)}, {})
        rows.append(("async with limiter", programs.LOCKS, who))
        meet = programs.meetings
        who = table(
            "Event", meet, {"anyio.Event": meet(anyio.Event)}, {"asyncio's": meet(asyncio.Event)}
        )
        rows.append(("an event and its waiters", programs.MEETINGS * programs.WAITERS, who))
        return rows

    def _queues(self) -> list[tuple[str, int, Who]]:
        rows = []
        for size in (0, 1, 10, 1_000):

            def through(kind: Any, size: int = size) -> programs.Program:
                return programs.through_queue(getattr(kind, "with_maxsize", kind), size)

            first = {"anyio memory stream": programs.through_stream(size)}
            # What is a rendezvous here is unbounded in asyncio, and is no comparison.
            stock = {"asyncio.Queue": through(asyncio.Queue)} if size else {}
            title = f"put and get, size {size}"
            rows.append((title, programs.ITEMS, self._table("Queue", through, first, stock)))
        stock = {"asyncio.PriorityQueue": through(asyncio.PriorityQueue)}
        title = f"put and get by priority, size {size}"
        rows.append((title, programs.ITEMS, self._table("PriorityQueue", through, first, stock)))
        return rows

    def _patterns(self) -> list[tuple[str, int, Who]]:
        many, table = programs.GATHERED, self._table
        bare = {"bare task group": programs.bare_group}
        gathers = table(
            "gather", programs.gathered, bare, {"asyncio.gather": programs.gathered(asyncio.gather)}
        )
        stock = {"asyncio.as_completed": programs.asyncio_completions}
        streams = table("CompletionStream", programs.completions, bare, stock)
        stock = {"asyncio.wait": programs.asyncio_race}
        races = table("race", programs.races, {"bare task group": programs.bare_race}, stock)
        stock = {"asyncio.gather and Semaphore": programs.asyncio_limited}
        maps = table(
            "bounded_map", programs.mapped, {"task group and limiter": programs.bare_limited}, stock
        )
        retries = table("retry", programs.retries, {"a bare call": programs.bare_calls}, {})
        return [
            (f"gather of {many:,}", many, gathers),
            (f"{many:,} results as they complete", many, streams),
            (f"race of {programs.RACERS}", programs.RACES, races),
            (f"bounded_map of {programs.LIMITED:,}, limit 10", programs.LIMITED, maps),
            ("retry of what succeeds at once", programs.LOCKS, retries),
        ]
