"""A kit of these tests' own, for caches that run an async function once for each argument."""

from __future__ import annotations

import asyncio
from typing import Any, Unpack

from published.subjects import NATIVE, lazily, subject

from properties.conformance import ConformanceError, Report
from properties.conformance.calls import call
from properties.conformance.ground import Ground
from properties.conformance.kit import Make, Options, Promise, examine

async_lru = lazily("async_lru")


class Function:
    """What is cached: an async function that counts its calls and fails at first, if it is to."""

    def __init__(self, ground: Ground, failures: int = 0) -> None:
        self.ground, self.failures = ground, failures
        self.began = self.ended = 0

    async def run(self, key: str) -> str:
        self.began += 1
        number = self.began
        await self.ground.sleep(1)
        self.ended += 1
        if number <= self.failures:
            raise OSError(f"call {number}")
        return f"{key} {number}"


async def shares(make: Make, ground: Ground) -> None:
    """Everybody who asks for one thing has the result of one call; for another, of another."""
    function, results = Function(ground), list[str]()
    cached = make()(function.run)

    async def ask() -> None:
        results.append(await call(cached, "one"))

    await ground.run(ask, ask, ask)
    await ask()
    if function.began != 1 or set(results) != {"one 1"}:
        raise ConformanceError(f"{function.began} calls were made, and gave {sorted(results)}")
    if await call(cached, "other") != "other 2":
        raise ConformanceError("another argument did not have a call of its own")


async def forgets_failures(make: Make, ground: Ground) -> None:
    """A call that failed fails for those who waited for it, and is made again for the next."""
    function, failed = Function(ground, failures=1), 0
    cached = make()(function.run)

    async def ask() -> None:
        nonlocal failed
        try:
            await call(cached, "one")
        except OSError:
            failed += 1

    await ground.run(ask, ask)
    if failed != 2:
        raise ConformanceError(f"one call failed for two, and {failed} heard of it")
    if await call(cached, "one") != "one 2":
        raise ConformanceError("the failure was kept")


async def survives_cancellation(make: Make, ground: Ground) -> None:
    """Whoever gives up takes nobody along: the others have their result."""
    cached, results = make()(Function(ground).run), list[str]()

    async def impatient() -> None:
        await ground.give_up(0.5, ask)

    async def ask() -> None:
        results.append(await call(cached, "one"))

    await ground.run(impatient, ask, impatient)
    if len(results) != 1:
        raise ConformanceError(f"one waited patiently, and {len(results)} have a result")


def cache(factory: Make, **options: Unpack[Options]) -> Report:
    """Examine a cache: ``factory()`` returns what puts it around an async function."""
    promises = (
        Promise("shared", shares),
        Promise("failures", forgets_failures),
        Promise("cancelled", survives_cancellation),
    )
    return examine("cache", factory, (), promises, options)


subject("cache", "async-lru", "alru_cache",
        lambda **o: cache(lambda: async_lru.alru_cache, **NATIVE, **o))  # fmt: skip


class Forgetful:
    """Remembers results, and lets everybody call who comes before there is one."""

    def __init__(self, function: Any) -> None:
        self.function, self.results = function, dict[str, str]()

    async def __call__(self, key: str) -> str:
        if key not in self.results:
            self.results[key] = await self.function(key)
        return self.results[key]


def keeps_failures(function: Any) -> Any:
    """Keep what came first, a failure as well."""
    kept: dict[str, Any] = {}

    async def cached(key: str) -> str:
        if key not in kept:
            try:
                kept[key] = await function(key)
            except OSError as error:
                kept[key] = error
        if isinstance(kept[key], OSError):
            raise kept[key]
        return kept[key]

    return cached


def takes_others_along(function: Any) -> Any:
    """Await one task from all sides: asyncio cancels what a task that is cancelled awaits."""
    tasks: dict[str, asyncio.Task[str]] = {}

    async def cached(key: str) -> str:
        if key not in tasks:
            tasks[key] = asyncio.ensure_future(function(key))
        return await tasks[key]

    return cached
