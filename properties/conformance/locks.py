"""Kits for what is held and given back: lock, semaphore, limiter."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Unpack

import anyio

from properties.conformance.ground import Ground, call
from properties.conformance.kit import Make, Options, Promise, Scenario, examine
from properties.conformance.verdicts import ConformanceError, Report
from properties.invariants import FirstInFirstOut, MutualExclusion, holding
from properties.linearizability import Recorder, assert_linearizable
from properties.models import LockModel, SemaphoreModel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["limiter", "lock", "semaphore"]


async def _hold(made: Any, ground: Ground, inside: MutualExclusion) -> None:
    await call(made.acquire)
    try:
        with inside.inside():
            await ground.step()
    finally:
        await call(made.release)


def _excludes(limit: int) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        made, inside = make(), MutualExclusion(limit)

        async def task() -> None:
            for _ in range(2):
                await _hold(made, ground, inside)

        async with holding(inside):
            await ground.run(*[task] * (limit + 2))

    return scenario


def _comes_back(limit: int) -> Scenario:
    """After anybody was cancelled anywhere, all permits can be had again."""

    async def scenario(make: Make, ground: Ground) -> None:
        made, inside = make(), MutualExclusion(limit)

        async def task() -> None:
            await _hold(made, ground, inside)

        async with holding(inside):
            await ground.run(*[task] * (limit + 2))

        held = most = 0
        all_held, before = anyio.Event(), ground.cancellations()

        async def take_one() -> None:
            nonlocal held, most
            await call(made.acquire)
            held += 1
            most = max(most, held)
            if held == limit:
                all_held.set()
            try:
                # All at once, or one permit that is left would do for everybody in turn.
                await ground.give_up(100, all_held.wait)
            finally:
                held -= 1
                await call(made.release)

        await ground.run(*[take_one] * limit)
        if most < limit and ground.cancellations() == before:
            raise ConformanceError(f"only {most} of {limit} can be had at once")

    return scenario


async def _waiters_give_up(make: Make, ground: Ground) -> None:
    """Let a wait give up at the very instant of the release: it loses nothing."""
    made, inside = make(), MutualExclusion(10)

    async def holder() -> None:
        await call(made.acquire)
        await ground.sleep(1)
        await call(made.release)

    async def impatient() -> None:
        await ground.step()
        if await ground.give_up(1, made.acquire):
            await call(made.release)

    async def patient() -> None:
        await ground.step()
        await ground.step()
        await _hold(made, ground, inside)

    await ground.run(holder, impatient, patient)
    await call(made.acquire)


def _first_come(make_order: Callable[[], FirstInFirstOut]) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        made, order = make(), make_order()

        def task(name: str) -> Callable[[], Any]:
            async def run() -> None:
                order.came(name)
                await call(made.acquire)
                order.served(name)
                await ground.step()
                await call(made.release)

            return run

        async with holding(order):
            await ground.run(*(task(name) for name in "abcd"))

    return scenario


def _sequential(model: Callable[[], Any], calls: int) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        made, recorder = make(), Recorder(cut_off="never")

        async def acquire() -> None:
            await call(made.acquire)

        async def release() -> None:
            await call(made.release)

        async def task() -> None:
            await recorder.call("acquire", acquire)
            try:
                await ground.step()
            finally:
                await recorder.call("release", release)

        await ground.run(*[task] * calls)
        assert_linearizable(recorder.history(), model())

    return scenario


async def _strangers_cannot_release(make: Make, ground: Ground) -> None:
    made, inside = make(), MutualExclusion()

    async def stranger() -> None:
        await ground.step()
        # Whatever it raises, it has refused.
        with suppress(Exception):
            await call(made.release)

    async def task() -> None:
        await _hold(made, ground, inside)
        await ground.step()

    async with holding(inside):
        await ground.run(task, stranger, task, stranger)


def lock(
    factory: Make,
    **options: Unpack[Options],
) -> Report:
    """Examine a lock: ``acquire()`` and ``release()``, each plain or async.

    Promises: ``exclusion``, one holder at a time, whoever is cancelled; ``handed on``, no lock is
    lost to a cancellation; ``timeouts``, nor to a wait that gives up; ``fair``, first come first
    served; ``sequential``, all calls have an order that a lock explains; ``owned``, only the
    holder can release. Leave out with ``without`` what an implementation does not promise.
    """
    promises = (
        Promise("exclusion", _excludes(1), cancel=True),
        Promise("handed on", _comes_back(1), cancel=True),
        Promise("timeouts", _waiters_give_up, stalls=True),
        Promise("fair", _first_come(FirstInFirstOut)),
        Promise("sequential", _sequential(LockModel, 3), cancel=True),
        Promise("owned", _strangers_cannot_release),
    )
    return examine("lock", factory, ("acquire", "release"), promises, options)


def semaphore(
    factory: Make,
    *,
    permits: int = 2,
    **options: Unpack[Options],
) -> Report:
    """Examine a semaphore of ``permits``: ``acquire()`` and ``release()``.

    Promises: ``limit``, never more than its permits are out; ``conserved``, all can be had again
    whoever was cancelled; ``timeouts``, whichever wait gave up; ``sequential``.
    """
    promises = (
        Promise("limit", _excludes(permits), cancel=True),
        Promise("conserved", _comes_back(permits), cancel=True),
        Promise("timeouts", _waiters_give_up, stalls=True),
        Promise(
            "sequential", _sequential(lambda: SemaphoreModel(permits), permits + 2), cancel=True
        ),
    )
    return examine("semaphore", factory, ("acquire", "release"), promises, options)


def limiter(
    factory: Make,
    *,
    tokens: int = 2,
    **options: Unpack[Options],
) -> Report:
    """Examine a limiter of ``tokens``, which its borrower gives back.

    Promises: ``limit``, ``conserved``, ``timeouts`` and ``sequential`` as for a semaphore;
    ``owned``, a task that has none cannot give one back.
    """
    promises = (
        Promise("limit", _excludes(tokens), cancel=True),
        Promise("conserved", _comes_back(tokens), cancel=True),
        Promise("timeouts", _waiters_give_up, stalls=True),
        Promise("sequential", _sequential(lambda: SemaphoreModel(tokens), tokens + 2), cancel=True),
        Promise("owned", _tokens_are_owned(tokens)),
    )
    return examine("limiter", factory, ("acquire", "release"), promises, options)


def _tokens_are_owned(tokens: int) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        made, inside = make(), MutualExclusion(tokens)

        async def stranger() -> None:
            await ground.step()
            # Whatever it raises, it has refused.
            with suppress(Exception):
                await call(made.release)

        async def task() -> None:
            await _hold(made, ground, inside)

        async with holding(inside):
            await ground.run(*[task] * (tokens + 1), stranger, stranger)

    return scenario
