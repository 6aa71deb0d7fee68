"""Kit for streams: what reads one async iterable and is another."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product, takewhile
from typing import Any, Final, Unpack, final

from properties.conformance.calls import Cut, bare
from properties.conformance.ground import Ground
from properties.conformance.kit import Make, Options, Promise, Scenario, examine
from properties.conformance.verdicts import ConformanceError, Report
from simclock.errors import UsageError

__all__ = ["stream"]

_ITEMS: Final = (1, None, 0, "", False, 2)
Operator = Callable[[AsyncIterable[Any]], AsyncIterable[Any]]
Expect = Callable[[list[Any]], list[Any]]


@final
class _SourceError(Exception):
    """What the source of a scenario raises."""


@final
class _BodyError(Exception):
    """What the consumer of a scenario raises."""


@final
class _Source:
    """Yields what it was told to, and counts what others make of it."""

    def __init__(
        self,
        ground: Ground,
        items: Sequence[Any],
        *,
        fails: Exception | None = None,
        pause: float = 0.0,
        clean_up: float = 0.0,
    ) -> None:
        self.given = self.cleaned = 0
        self.opened = False
        self._ground, self._items, self._fails = ground, items, fails
        self._pause, self._clean_up = pause, clean_up
        # Kept, or dropping it would close it: closing is the stream's duty.
        self.generator: AsyncGenerator[Any] = self._generate()

    async def _generate(self) -> AsyncGenerator[Any]:
        self.opened = True
        try:
            for item in self._items:
                await self._wait(self._pause)
                self.given += 1
                yield item
            if self._fails is not None:
                raise self._fails
        finally:
            try:
                await self._wait(self._clean_up)
            finally:
                self.cleaned += 1

    async def _wait(self, seconds: float) -> None:
        await (self._ground.sleep(seconds) if seconds else self._ground.step())

    def check_closed(self, when: str) -> None:
        """Raise unless the clean-up has run, if there was anything to clean up."""
        if self.opened and not self.cleaned:
            raise ConformanceError(f"the source has not cleaned up {when}")


@final
@dataclass(frozen=True, slots=True)
class _Facts:
    """What the subject is said to be."""

    items: Sequence[Any]
    order: bool
    expect: Expect

    def expected(self, count: int | None = None) -> list[Any]:
        """Return what comes out when the source gives its first ``count`` items and ends."""
        return list(self.expect(list(self.items[:count])))

    def needed(self, taken: int) -> int:
        """Return how many items of the source make the first ``taken`` that come out."""
        wanted = _texts(self.expected()[:taken])
        for count in range(len(self.items) + 1):
            if _texts(self.expected(count)[:taken]) == wanted:
                return count
        return len(self.items)

    def check_all(self, received: list[Any], count: int | None = None) -> None:
        """Raise unless ``received`` is all that comes out."""
        expected, got = _texts(self.expected(count)), _texts(received)
        if not self.order:
            expected, got = sorted(expected), sorted(got)
        if expected != got:
            raise ConformanceError(f"{_listed(expected)} should come out, not {_listed(got)}")

    def check_part(self, received: list[Any]) -> None:
        """Raise unless ``received`` is how it begins."""
        self._check_between([], _texts(self.expected()), _texts(received))

    def check_before_error(self, received: list[Any], count: int) -> None:
        """Raise unless ``received`` is what comes out of ``count`` items before an error.

        What only the end could tell, such as a batch that is not full, may be there or not.
        """
        most, full = _texts(self.expected(count)), _texts(self.expected())
        if self.order:
            least = [text for text, _ in takewhile(_same, zip(most, full, strict=False))]
        else:
            least = list((Counter(most) & Counter(full)).elements())
        self._check_between(least, most, _texts(received))

    def _check_between(self, least: list[str], most: list[str], got: list[str]) -> None:
        if self.order:
            right = len(least) <= len(got) and got == most[: len(got)]
        else:
            right = not Counter(got) - Counter(most) and not Counter(least) - Counter(got)
        if not right:
            raise ConformanceError(
                f"{_listed(most)} should come out, at least {_listed(least)}, not {_listed(got)}"
            )


def _same(texts: tuple[str, str]) -> bool:
    return texts[0] == texts[1]


def _texts(items: Sequence[Any]) -> list[str]:
    # By text, for 0 equals False and neither should come out as the other.
    return [repr(item) for item in items]


def _listed(texts: list[str]) -> str:
    return ", ".join(texts) or "nothing"


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


def _everything_comes(facts: _Facts, *, pauses: float = 0.0) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        source = _Source(ground, facts.items, pause=pauses)
        consumer = _Consumer(ground, 2 * pauses)
        await consumer.take_all(make()(source.generator))
        facts.check_all(consumer.received)
        source.check_closed("when the stream has ended")

    return scenario


def _ends(facts: _Facts) -> Scenario:
    """Read an empty source as well, and go on at the end, which is for good."""

    async def scenario(make: Make, ground: Ground) -> None:
        for items in ((), facts.items):
            source, received = _Source(ground, items), list[Any]()
            async with _opened(make()(source.generator)) as iterator:
                async for item in iterator:
                    received.append(item)
                for _ in range(2):
                    if await anext(iterator, _ends) is not _ends:
                        raise ConformanceError("something came after the end of the stream")
            facts.check_all(received, len(items))

    return scenario


def _errors_arrive(facts: _Facts) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        count = len(facts.items) - 1
        error = _SourceError("the source has failed")
        source = _Source(ground, facts.items[:count], fails=error)
        consumer = _Consumer(ground)
        try:
            await consumer.take_all(make()(source.generator))
        except Exception as raised:
            if bare(raised) is not error:
                raise
        else:
            raise ConformanceError("the source failed, and the stream came to a quiet end")
        facts.check_before_error(consumer.received, count)
        source.check_closed("when its error arrives")

    return scenario


def _leaves_early(facts: _Facts) -> Scenario:
    """Leave after one item and after two, by break and by an error."""

    async def leave(made: Any, after: int, *, fails: bool) -> None:
        async with _opened(made) as items:
            for _ in range(after):
                await anext(items)
            if fails:
                raise _BodyError("the consumer has failed")

    async def scenario(make: Make, ground: Ground) -> None:
        for after, fails in product((1, 2), (False, True)):
            source, came_through = _Source(ground, facts.items, clean_up=1), False
            try:
                taken = min(after, len(facts.expected()))
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


def _cancelled_consumers_close(facts: _Facts) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        source = _Source(ground, facts.items, pause=1, clean_up=0.5)
        consumer = _Consumer(ground, 0.5)
        cut = Cut(ground, [half / 2 for half in range(4 * len(facts.items))])

        async def consume() -> None:
            if await cut.off(partial(consumer.take_all, make()(source.generator))):
                source.check_closed("when the cancelled consumer is gone")
                facts.check_part(consumer.received)
            else:
                facts.check_all(consumer.received)

        await ground.run(consume, cut.strike)

    return scenario


def _reads_no_more(facts: _Facts, ahead: int) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        source = _Source(ground, facts.items)
        async with _opened(make()(source.generator)) as items:
            for taken in range(len(facts.expected()) + 1):
                if taken:
                    await anext(items)
                await ground.settle()
                allowed = facts.needed(taken) + ahead
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
    **options: Unpack[Options],
) -> Report:
    """Examine a stream: ``factory(source)``, an async iterable over an async generator.

    It is left by ``async with`` if it has that, else by the ``aclose()`` of its iterator. ``items``
    are what the source yields, ``expect`` tells what list then comes out, in this ``order`` or in
    any, and ``ahead`` how many items may be read before they are needed, ``None`` for any number.

    Promises: ``complete``, every item comes out once; ``ends``, also over an empty source, and
    nothing follows; ``errors``, the source's error arrives, after the items before it; ``left
    early``, leaving by break or error returns when the source has cleaned up, and reads no more;
    ``cancelled``, so does whoever is cancelled at any step; ``lazy``, no more is read than
    ``ahead`` allows; ``slow``, a slow source and a slower consumer lose nothing. Nothing may be
    left running, ever.

    Raises:
        UsageError: there are fewer than 3 items, two are alike, or ``ahead`` is below 0.
    """
    _check(factory, items, expect, ahead)
    facts = _Facts(tuple(items), order, expect)
    promises = [
        Promise("complete", _everything_comes(facts)),
        Promise("ends", _ends(facts)),
        Promise("errors", _errors_arrive(facts)),
        Promise("left early", _leaves_early(facts)),
        Promise("cancelled", _cancelled_consumers_close(facts)),
        Promise("slow", _everything_comes(facts, pauses=1), stalls=True),
    ]
    if ahead is not None:
        promises.append(Promise("lazy", _reads_no_more(facts, ahead)))
    name = getattr(factory, "__qualname__", type(factory).__qualname__)
    named: Options = {**options, "name": options.get("name") or name}
    return examine("stream", lambda: factory, (), promises, named)


def _check(factory: Any, items: Sequence[Any], expect: Any, ahead: Any) -> None:
    if not callable(factory):
        raise UsageError(
            f"a kit takes a factory that makes a new stream each time, not {factory!r}"
        )
    if not callable(expect):
        raise UsageError(
            f"expect is a function from the list of items to what comes out, not {expect!r}"
        )
    if len(items) < 3 or len(set(_texts(items))) < len(items):
        raise UsageError(
            "items are at least 3, and no two alike, so that each can be told from the others; "
            f"not {items!r}"
        )
    whole = isinstance(ahead, int) and not isinstance(ahead, bool)
    if ahead is not None and not (whole and ahead >= 0):
        raise UsageError(
            f"ahead is how many items may be read before they are needed, 0 or more, or None for "
            f"any number; not {ahead!r}"
        )
