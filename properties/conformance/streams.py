"""Kit for streams: what reads one async iterable and is another."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any, Final, Unpack, final

import simclock
from properties.conformance.calls import Cut, bare
from properties.conformance.ground import Ground
from properties.conformance.kit import Make, Options, Promise, Scenario, examine
from properties.conformance.sources import Expected, Source, texts
from properties.conformance.verdicts import ConformanceError, Report
from simclock.errors import UsageError

__all__ = ["stream"]

_ITEMS: Final = (1, None, 0, "", False, 2)
_END: Final = object()
_PULLS_MAX: Final = 200
Operator = Callable[[AsyncIterable[Any]], AsyncIterable[Any]]
Expect = Callable[[list[Any]], list[Any]]


@final
class _SourceError(Exception):
    """What the source of a scenario raises."""


@final
class _BodyError(Exception):
    """What the consumer of a scenario raises."""


@asynccontextmanager
async def _opened(made: Any) -> AsyncGenerator[AsyncIterator[Any]]:
    """Iterate ``made`` and close it: by ``async with``, if it has that."""
    if hasattr(made, "__aenter__"):
        async with made as entered:
            yield aiter(entered)
        return
    iterator = aiter(made)
    try:
        yield iterator
    finally:
        aclose = getattr(iterator, "aclose", None)
        if aclose is not None:
            await aclose()


@final
@dataclass(slots=True)
class _Consumer:
    """Takes items one by one and keeps them."""

    ground: Ground
    pause: float = 0.0
    received: list[Any] = field(default_factory=list[Any])

    async def take_all(self, made: Any) -> None:
        """Take until the stream ends, then close it."""
        async with _opened(made) as items:
            async for item in items:
                self.received.append(item)
                await (self.ground.sleep(self.pause) if self.pause else self.ground.step())


def _everything_comes(expected: Expected, *, pauses: float = 0.0) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        # An odd number and an even one, for what makes pairs.
        for count in (len(expected.items), len(expected.items) - 1):
            source = Source(ground, expected.items[:count], pause=pauses)
            consumer = _Consumer(ground, 2 * pauses)
            await consumer.take_all(make()(source.generator))
            expected.check_all(consumer.received, count)
            source.check_closed("when the stream has ended")

    return scenario


def _ends(expected: Expected) -> Scenario:
    """Read an empty source as well, and go on at the end, which is for good."""

    async def scenario(make: Make, ground: Ground) -> None:
        for items in ((), expected.items):
            source, received = Source(ground, items), list[Any]()
            async with _opened(make()(source.generator)) as iterator:
                async for item in iterator:
                    received.append(item)
                for _ in range(2):
                    if await anext(iterator, _END) is not _END:
                        raise ConformanceError("something came after the end of the stream")
            expected.check_all(received, len(items))

    return scenario


def _errors_arrive(expected: Expected) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        count = len(expected.items) - 1
        error = _SourceError("the source has failed")
        source = Source(ground, expected.items[:count], fails=error)
        consumer = _Consumer(ground)
        try:
            await consumer.take_all(make()(source.generator))
        except Exception as raised:
            if bare(raised) is not error:
                raise
        else:
            raise ConformanceError("the source failed, and the stream came to a quiet end")
        expected.check_before_error(consumer.received, count)
        source.check_closed("when its error arrives")

    return scenario


def _clean_up_fails(expected: Expected) -> Scenario:
    """Leave early, and have the source fail when it cleans up: whoever leaves is told."""

    async def scenario(make: Make, ground: Ground) -> None:
        error = _SourceError("the source has failed to clean up")
        source = Source(ground, expected.items, fails_to_clean_up=error)
        try:
            async with _opened(make()(source.generator)) as items:
                await anext(items)
        except Exception as raised:
            if bare(raised) is not error:
                raise
        else:
            raise ConformanceError("the source failed to clean up, and nobody was told")

    return scenario


def _leaves_early(expected: Expected) -> Scenario:
    """Leave after one item and after two, by break and by an error."""

    async def leave(made: Any, after: int, *, fails: bool) -> None:
        async with _opened(made) as items:
            for _ in range(after):
                await anext(items)
            if fails:
                raise _BodyError("the consumer has failed")

    async def scenario(make: Make, ground: Ground) -> None:
        for after, fails in product((1, 2), (False, True)):
            source, came_through = Source(ground, expected.items, clean_up=1), False
            try:
                taken = min(after, len(expected.of()))
                await leave(make()(source.generator), taken, fails=fails)
            except Exception as raised:
                if not isinstance(bare(raised), _BodyError):
                    raise
                came_through = True
            if fails and not came_through:
                raise ConformanceError("the consumer failed, and its error did not come through")
            source.check_closed("when the stream has been left")
            given = source.given
            await ground.settle()
            if source.given > given:
                raise ConformanceError("the source was read when the stream had been left")

    return scenario


def _cancelled_consumers_close(expected: Expected) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        source = Source(ground, expected.items, pause=1, clean_up=0.5)
        consumer = _Consumer(ground, 0.5)
        cut = Cut(ground, [half / 2 for half in range(4 * len(expected.items))])

        async def consume() -> None:
            if await cut.off(partial(consumer.take_all, make()(source.generator))):
                source.check_closed("when the cancelled consumer is gone")
                expected.check_part(consumer.received)
            else:
                expected.check_all(consumer.received)

        await ground.run(consume, cut.strike)

    return scenario


def _drops(expected: Expected) -> Scenario:
    """Leave loops that close nothing, by break and by the cancellation of a pull."""

    async def scenario(make: Make, ground: Ground) -> None:
        left, right = (Source(ground, expected.items) for _ in range(2))

        async def break_off() -> None:
            async for _ in make()(left.generator):
                break

        iterator = aiter(make()(right.generator))

        async def pull_all() -> None:
            async for _ in iterator:
                continue

        cut = Cut(ground)
        await break_off()
        # The iterator is still there when the pull ends: nothing drops it.
        await ground.run(partial(cut.off, pull_all), cut.strike)
        await ground.settle()
        left.check_closed("though the loop was left by break")
        right.check_closed("though the pull was cancelled")

    return scenario


def _resumes(expected: Expected) -> Scenario:
    """Pull with little patience, and again: also at the instants at which items come."""

    async def scenario(make: Make, ground: Ground) -> None:
        draw, received = simclock.current().random("patience"), list[Any]()
        source = Source(ground, expected.items, pause=1)
        async with _opened(make()(source.generator)) as items:

            async def pull() -> None:
                received.append(await anext(items, _END))

            for _ in range(_PULLS_MAX):
                await ground.give_up(draw.choice((0.5, 1)), pull)
                if received[-1:] == [_END]:
                    break
        expected.check_all([item for item in received if item is not _END])

    return scenario


def _reads_no_more(expected: Expected, ahead: int) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        source = Source(ground, expected.items)
        async with _opened(make()(source.generator)) as items:
            for taken in range(len(expected.of()) + 1):
                if taken:
                    await anext(items)
                await ground.settle()
                allowed = expected.needed(taken) + ahead
                if source.given > allowed:
                    raise ConformanceError(
                        f"{source.given} items were read for {taken} taken; {allowed} would do"
                    )

    return scenario


def stream(
    factory: Operator,
    *,
    items: Sequence[Any] = _ITEMS,
    expect: Expect = list,
    order: bool = True,
    ahead: int | None = 0,
    drops: bool = False,
    resumes: bool = False,
    **options: Unpack[Options],
) -> Report:
    """Examine a stream: ``factory(source)``, an async iterable over an async generator.

    It is left by ``async with`` if it has that, else by the ``aclose()`` of its iterator. ``items``
    are what the source yields, ``expect`` tells what list then comes out, in this ``order`` or in
    any, and ``ahead`` how many items may be read before they are needed, ``None`` for any number.
    A stream that ``drops`` closes also when a bare loop over it ends; one that ``resumes`` can be
    pulled again after a pull was cut off.

    Promises: ``complete``, every item comes out once; ``ends``, also over an empty source, and
    nothing follows; ``errors``, the source's error arrives, after the items before it; ``left
    early``, leaving by break or error returns when the source has cleaned up, and reads no more;
    ``clean-up``, if that fails whoever leaves is told; ``cancelled``, whoever is cancelled at any
    step leaves as cleanly; ``slow``, a slow source and a slower consumer lose nothing; ``lazy``,
    no more is read than ``ahead`` allows; ``dropped`` and ``resumed``, where that is meant to be.
    Nothing may be left running, ever.

    Raises:
        UsageError: there are fewer than 3 items, two are alike, or ``ahead`` is below 0.
    """
    _check(factory, items, expect, ahead)
    expected = Expected(tuple(items), order, expect)
    promises = [
        Promise("complete", _everything_comes(expected)),
        Promise("ends", _ends(expected)),
        Promise("errors", _errors_arrive(expected)),
        Promise("left early", _leaves_early(expected)),
        Promise("clean-up", _clean_up_fails(expected)),
        Promise("cancelled", _cancelled_consumers_close(expected)),
        Promise("slow", _everything_comes(expected, pauses=1), stalls=True),
    ]
    if ahead is not None:
        promises.append(Promise("lazy", _reads_no_more(expected, ahead)))
    if drops:
        promises.append(Promise("dropped", _drops(expected)))
    if resumes:
        promises.append(Promise("resumed", _resumes(expected), stalls=True))
    name = getattr(factory, "__qualname__", type(factory).__qualname__)
    named: Options = {**options, "name": options.get("name") or name}
    return examine("stream", lambda: factory, (), promises, named)


def _check(factory: Any, items: Any, expect: Any, ahead: Any) -> None:
    if not callable(factory):
        raise UsageError(
            f"a kit takes a factory that makes a new stream each time, not {factory!r}"
        )
    if not callable(expect):
        raise UsageError(
            f"expect is a function from the list of items to what comes out, not {expect!r}"
        )
    if not hasattr(items, "__getitem__") or len(set(texts(items))) < max(3, len(items)):
        raise UsageError(
            "items is a list or tuple of at least 3, no two alike, so that each can be told from "
            f"the others, not {items!r}"
        )
    whole = isinstance(ahead, int) and not isinstance(ahead, bool)
    if ahead is not None and not (whole and ahead >= 0):
        raise UsageError(
            f"ahead is how many items may be read before they are needed, 0 or more, or None for "
            f"any number; not {ahead!r}"
        )
