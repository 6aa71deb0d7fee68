"""Kits for what is held and given back: lock, semaphore, limiter."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Unpack

import anyio

from properties.conformance.calls import Cut, call
from properties.conformance.checks import check_count
from properties.conformance.ground import Ground
from properties.conformance.kit import Make, Options, Promise, Scenario, examine
from properties.conformance.verdicts import ConformanceError, Report
from properties.invariants import FirstInFirstOut, MutualExclusion, holding
from properties.linearizability import Recorder, assert_linearizable
from properties.models import LockModel, SemaphoreModel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["limiter", "lock", "semaphore"]

_LIMIT_MAX: Final = 20


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

        await _all_can_be_had(made, ground, limit, cancels=True)

    return scenario


async def _all_can_be_had(made: Any, ground: Ground, limit: int, *, cancels: bool) -> None:
    """Take all permits at once: one that is left would do for everybody in turn."""
    held = most = 0
    over, before = anyio.Event(), ground.cancellations()

    async def take_one() -> None:
        nonlocal held, most
        await call(made.acquire)
        held += 1
        most = max(most, held)
        try:
            # Where anybody may be cancelled, that may be the witness, too.
            await (ground.give_up(100, over.wait) if cancels else over.wait())
        finally:
            held -= 1
            await call(made.release)

    async def witness() -> None:
        await ground.settle()
        over.set()

    await ground.run(*[take_one] * limit, witness)
    if most < limit and ground.cancellations() == before:
        raise ConformanceError(f"only {most} of {limit} can be had at once")


def _waiters_give_up(limit: int) -> Scenario:
    """Let a wait give up at the very instant of the release: it loses nothing."""

    async def scenario(make: Make, ground: Ground) -> None:
        made, inside = make(), MutualExclusion(limit)

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

        await ground.run(*[holder] * limit, impatient, patient)
        await _all_can_be_had(made, ground, limit, cancels=False)

    return scenario


def _handed_on(limit: int) -> Scenario:
    """Cut off a wait as one permit comes back while another waits: one of the two has it."""

    async def scenario(make: Make, ground: Ground) -> None:
        made, cut, got = make(), Cut(ground), 0

        async def holder() -> None:
            await call(made.acquire)
            await ground.sleep(2)
            await call(made.release)

        async def keeper() -> None:
            await call(made.acquire)
            await ground.sleep(90)
            await call(made.release)

        async def take() -> None:
            nonlocal got
            await call(made.acquire)
            try:
                got += 1
                await ground.sleep(50)
            finally:
                await call(made.release)

        async def victim() -> None:
            await ground.step()
            await cut.off(take)

        async def patient() -> None:
            await ground.sleep(1)
            await take()

        async def striker() -> None:
            await ground.sleep(2)
            await cut.strike()

        async def witness() -> None:
            await ground.sleep(40)
            if not got:
                raise ConformanceError("a permit is there, and who waits for one has none")

        keepers = [keeper] * (limit - 1)
        await ground.run(holder, *keepers, victim, patient, striker, witness)

    return scenario


def _in_line(limit: int) -> Scenario:
    """Let tasks line up one by one while all is out; what comes back goes to the first."""

    async def scenario(make: Make, ground: Ground) -> None:
        made, order = make(), FirstInFirstOut()
        names = [*(f"holder {number}" for number in range(limit)), *"abc"]
        begin = {name: anyio.Event() for name in names}
        end = {name: anyio.Event() for name in names}

        async def hold(name: str) -> None:
            order.came(name)
            await call(made.acquire)
            order.served(name)

        def task(name: str) -> Callable[[], Any]:
            async def run() -> None:
                await begin[name].wait()
                await hold(name)
                await end[name].wait()
                await call(made.release)
                # Who gives back and asks again stands last.
                await hold(f"{name} again")
                await call(made.release)

            return run

        async def conductor() -> None:
            for events in (begin, end):
                for name in names:
                    events[name].set()
                    await ground.settle()

        async with holding(order):
            await ground.run(conductor, *(task(name) for name in names))

    return scenario


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


def _strangers_cannot_release(limit: int) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        made, inside = make(), MutualExclusion(limit)

        async def stranger() -> None:
            await ground.step()
            # Whatever it raises, it has refused.
            with suppress(Exception):
                await call(made.release)

        async def task() -> None:
            await _hold(made, ground, inside)
            await ground.step()

        async with holding(inside):
            await ground.run(*[task] * limit, stranger, task, stranger)

    return scenario


def lock(
    factory: Make,
    **options: Unpack[Options],
) -> Report:
    """Examine a lock: ``acquire()`` and ``release()``, each plain or async.

    Promises: ``exclusion``, one holder at a time, whoever is cancelled; ``handed on``, no lock is
    lost to a cancellation; ``timeouts``, nor to a wait that gives up; ``fair``, first come first
    served; ``in line``, also if who gives back asks again; ``sequential``, all calls have an order
    that a lock explains; ``owned``, only the holder can release. Leave out with ``without`` what
    an implementation does not promise.
    """
    promises = (
        Promise("exclusion", _excludes(1), cancel=True),
        Promise("handed on", _comes_back(1), cancel=True),
        Promise("timeouts", _waiters_give_up(1), stalls=True),
        Promise("fair", _first_come(FirstInFirstOut)),
        Promise("in line", _in_line(1)),
        Promise("sequential", _sequential(LockModel, 3), cancel=True),
        Promise("owned", _strangers_cannot_release(1)),
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
    whoever was cancelled; ``timeouts``, whichever wait gave up; ``in line``, what comes back goes
    to who has waited longest; ``handed on``, or, if that one was just cut off, to the next;
    ``sequential``.

    Raises:
        UsageError: ``permits`` is not a whole number from 1 to 20.
    """
    check_count("permits", permits, _LIMIT_MAX)
    promises = (
        Promise("limit", _excludes(permits), cancel=True),
        Promise("conserved", _comes_back(permits), cancel=True),
        Promise("timeouts", _waiters_give_up(permits), stalls=True),
        Promise("in line", _in_line(permits)),
        Promise("handed on", _handed_on(permits)),
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

    Promises: ``limit``, ``conserved``, ``timeouts``, ``in line``, ``handed on`` and ``sequential``
    as for a semaphore; ``owned``, a task that has none cannot give one back.

    Raises:
        UsageError: ``tokens`` is not a whole number from 1 to 20.
    """
    check_count("tokens", tokens, _LIMIT_MAX)
    promises = (
        Promise("limit", _excludes(tokens), cancel=True),
        Promise("conserved", _comes_back(tokens), cancel=True),
        Promise("timeouts", _waiters_give_up(tokens), stalls=True),
        Promise("in line", _in_line(tokens)),
        Promise("handed on", _handed_on(tokens)),
        Promise("sequential", _sequential(lambda: SemaphoreModel(tokens), tokens + 2), cancel=True),
        Promise("owned", _strangers_cannot_release(tokens)),
    )
    return examine("limiter", factory, ("acquire", "release"), promises, options)
