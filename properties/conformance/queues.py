"""Kits for what passes between tasks: queue, priority queue."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Unpack

import anyio

from properties.conformance.calls import Cut, call
from properties.conformance.checks import is_whole
from properties.conformance.ground import Ground
from properties.conformance.kit import Make, Options, Promise, Scenario, examine
from properties.conformance.verdicts import ConformanceError, Report
from properties.invariants import ConservedItems, holding
from properties.linearizability import Recorder, assert_linearizable
from properties.models import PriorityQueueModel, QueueModel
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["priority_queue", "queue"]

_MAXSIZE_MAX: Final = 20


def _sequential(model: Callable[[], Any], puts: Sequence[Sequence[Any]]) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        made, recorder = make(), Recorder()

        async def put(item: Any) -> None:
            await call(made.put, item)

        async def get() -> Any:
            return await call(made.get)

        def putter(items: Sequence[Any]) -> Callable[[], Any]:
            async def run() -> None:
                for item in items:
                    await recorder.call("put", put, item)

            return run

        async def getter() -> None:
            for _ in range(sum(map(len, puts)) // 2):
                await recorder.call("get", get)

        await ground.run(*(putter(items) for items in puts), getter, getter)
        assert_linearizable(recorder.history(), model())

    return scenario


async def _conserves(make: Make, ground: Ground) -> None:
    """One task is cancelled anywhere; what it did not finish may or may not have been put."""
    made, items = make(), ConservedItems()

    def putter(names: Sequence[int]) -> Callable[[], Any]:
        async def run() -> None:
            for item in names:
                done = False
                try:
                    done = await ground.give_up(20, partial(made.put, item))
                finally:
                    (items.sent if done else items.maybe_sent)(item)

        return run

    async def getter() -> None:
        async def get() -> None:
            items.received(await call(made.get))

        for _ in range(2):
            await ground.give_up(20, get)

    async def drain() -> None:
        while True:
            items.left_over(await call(made.get))

    async with holding(items):
        await ground.run(putter((1, 2)), getter, getter, putter((3,)))
        await ground.give_up(5, drain)


async def _waits_that_give_up(make: Make, ground: Ground) -> None:
    """Let a get give up at the very instant at which an item comes."""
    made, items, received = make(), ConservedItems(), 0

    async def get() -> None:
        nonlocal received
        items.received(await call(made.get))
        received += 1

    async def impatient() -> None:
        await ground.give_up(1, get)

    async def putter() -> None:
        await ground.sleep(1)
        await call(made.put, 1)
        items.sent(1)

    async with holding(items):
        await ground.run(impatient, impatient, putter)
        if not received:
            # Nobody had it, so it is there, and this does not wait.
            await get()


async def _full_queues_go_on(make: Make, ground: Ground) -> None:
    """Let puts give up while the queue is full: they are in nobody's way."""
    made, kept = make(), 0

    async def impatient() -> None:
        nonlocal kept
        for item in range(10, 13):
            put = await ground.give_up(1, partial(made.put, item))
            kept += put

    async def drain() -> None:
        for _ in range(kept):
            await call(made.get)

    async def putter() -> None:
        await call(made.put, 1)

    async def getter() -> None:
        await call(made.get)

    await impatient()
    await drain()
    await ground.run(putter, getter, putter, getter)


async def _full_queues_take_no_more(make: Make, ground: Ground, maxsize: int) -> None:
    """Fill the queue and take one by one: room for one lets one put in, and no more."""
    made, full, put = make(), anyio.Event(), 0

    async def putter() -> None:
        nonlocal put
        await full.wait()
        await call(made.put, 9)
        put += 1

    async def getter() -> None:
        for item in range(maxsize):
            await call(made.put, item)
        full.set()
        for taken in range(maxsize + 2):
            # Time passes as well, for some look only now and then.
            await ground.sleep(10)
            if put != min(taken, 2):
                raise ConformanceError(
                    f"{taken} were taken from a full queue, and {put} of 2 waiting puts are done"
                )
            await call(made.get)

    await ground.run(putter, putter, getter)


def _comes_back(items: Sequence[Any]) -> Scenario:
    """Cut off two gets as ``items`` come, which are in order; what they had comes out in order."""

    async def scenario(make: Make, ground: Ground) -> None:
        made, left = make(), list[Any]()
        cuts = (Cut(ground), Cut(ground))

        async def get() -> None:
            await call(made.get)

        async def putter() -> None:
            await ground.sleep(1)
            for item in items:
                await call(made.put, item)

        async def strike(cut: Cut) -> None:
            await ground.sleep(1)
            await cut.strike()

        async def drain() -> None:
            await ground.sleep(10)
            while True:
                left.append(await call(made.get))

        getters = [partial(cut.off, get) for cut in cuts]
        strikers = [partial(strike, cut) for cut in cuts]
        await ground.run(*getters, putter, *strikers, partial(ground.give_up, 20, drain))
        if left != sorted(left):
            raise ConformanceError(f"put in as {list(items)}, and came out as {left}")

    return scenario


def _handed_on(item: Any) -> Scenario:
    """Cut off a get as its item comes while another waits: one of the two has it."""

    async def scenario(make: Make, ground: Ground) -> None:
        made, cut, got = make(), Cut(ground), 0

        async def get() -> None:
            nonlocal got
            await call(made.get)
            got += 1

        async def patient() -> None:
            await ground.sleep(1)
            await ground.give_up(50, get)

        async def putter() -> None:
            await ground.sleep(2)
            await call(made.put, item)

        async def striker() -> None:
            await ground.sleep(2)
            await cut.strike()

        async def witness() -> None:
            await ground.sleep(10)
            if not got:
                raise ConformanceError("an item is there, and a get waits for one")

        await ground.run(partial(cut.off, get), patient, putter, striker, witness)

    return scenario


def queue(
    factory: Make,
    *,
    maxsize: float = 1,
    **options: Unpack[Options],
) -> Report:
    """Examine a queue of at most ``maxsize`` items: ``put(item)`` and ``get()``.

    With ``maxsize=0`` it keeps none, and a put ends when its item was taken; with ``math.inf`` it
    has no bound, which many queues themselves call 0.

    Promises: ``sequential``, all calls have an order that a queue explains, first in first out;
    ``conserved``, no item is lost or doubled, whoever is cancelled; ``timeouts``, nor if a get
    gives up as an item comes; ``goes on``, puts that gave up are in nobody's way; ``put back``, an
    item that comes back from a get that was cut off keeps its place; ``handed on``, or is had by
    the next who waits; ``room``, a full queue lets a put in when an item is taken, and not before.
    All but ``sequential`` are examined only if the queue keeps items, so not with ``maxsize=0``,
    and ``room`` only if that has a bound.

    Raises:
        UsageError: ``maxsize`` is neither a whole number from 0 to 20 nor ``math.inf``.
    """
    _check_maxsize(maxsize, "0 for a queue that keeps none")
    promises = (
        Promise("sequential", _sequential(lambda: QueueModel(maxsize), ((1, 2), (3, 4)))),
        Promise("conserved", _conserves, cancel=True),
        Promise("timeouts", _waits_that_give_up, stalls=True),
        Promise("goes on", _full_queues_go_on, stalls=True),
        Promise("put back", _comes_back((1, 2, 3))),
        Promise("handed on", _handed_on(1)),
        *_bounded(maxsize),
    )[: None if maxsize else 1]
    return examine("queue", factory, ("put", "get"), promises, options)


def priority_queue(
    factory: Make,
    *,
    maxsize: float = 0,
    stable: bool = True,
    **options: Unpack[Options],
) -> Report:
    """Examine a priority queue of at most ``maxsize`` items: ``put(item)`` and ``get()``.

    With ``maxsize=0``, as with ``math.inf``, it has no bound; this is not what 0 means to
    :func:`queue`, for a queue that keeps nothing has no order to speak of.

    Promises as for :func:`queue`, with the smallest first, and, if it is ``stable``, among items
    of one priority the first in.

    Raises:
        UsageError: ``maxsize`` is neither a whole number from 0 to 20 nor ``math.inf``.
    """
    _check_maxsize(maxsize, "0 for one without a bound")
    puts = (((2, "b"), (1, "z")), ((1 if stable else 4, "c"), (3, "d")))
    alike = [(1 if stable else number, name) for number, name in enumerate("abc")]
    promises = (
        Promise("sequential", _sequential(lambda: PriorityQueueModel(maxsize), puts)),
        Promise("conserved", _conserves, cancel=True),
        Promise("timeouts", _waits_that_give_up, stalls=True),
        Promise("goes on", _full_queues_go_on, stalls=True),
        Promise("put back", _comes_back(alike)),
        Promise("handed on", _handed_on((1, "a"))),
        *_bounded(maxsize or math.inf),
    )
    return examine("priority queue", factory, ("put", "get"), promises, options)


def _check_maxsize(maxsize: Any, zero: str) -> None:
    if maxsize != math.inf and not (is_whole(maxsize) and 0 <= maxsize <= _MAXSIZE_MAX):
        raise UsageError(
            f"maxsize is a whole number from 0 to {_MAXSIZE_MAX}, {zero}, or math.inf, not "
            f"{maxsize!r}; of what takes more, examine a smaller one of the same kind"
        )


def _bounded(maxsize: float) -> Sequence[Promise]:
    if not 0 < maxsize < math.inf:
        return ()
    return (Promise("room", partial(_full_queues_take_no_more, maxsize=int(maxsize))),)
