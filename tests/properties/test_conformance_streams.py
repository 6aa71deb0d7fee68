"""The stream kit passes what is right, and catches a planted violation of each promise."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import anyio
import pytest

import concurrency
from properties import conformance
from simclock import UsageError


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


def pairs(items):
    return [items[at : at + 2] for at in range(0, len(items), 2)]


class Bare:
    """A stream without its `async with`."""

    def __init__(self, stream):
        self.stream = stream

    def __aiter__(self):
        return aiter(self.stream)


RIGHT = {
    "map": lambda **o: conformance.stream(
        lambda source: concurrency.map_stream(source, repr),
        expect=lambda i: list(map(repr, i)),
        **o,
    ),
    "filter": lambda **o: conformance.stream(
        lambda source: concurrency.filter_stream(source, bool),
        expect=lambda i: list(filter(bool, i)),
        **o,
    ),
    "enumerate": lambda **o: conformance.stream(
        concurrency.enumerate_stream, expect=lambda i: list(enumerate(i)), **o
    ),
    "skip": lambda **o: conformance.stream(
        lambda source: concurrency.skip_stream(source, 2), expect=lambda i: i[2:], **o
    ),
    "take": lambda **o: conformance.stream(
        lambda source: concurrency.take_stream(source, 2),
        expect=lambda i: i[:2],
        without=["errors"],
        **o,
    ),
    "buffer": lambda **o: conformance.stream(
        lambda source: concurrency.buffer_stream(source, 2),
        ahead=2,
        drops=True,
        resumes=True,
        **o,
    ),
    "buffer, closed by hand": lambda **o: conformance.stream(
        lambda source: Bare(concurrency.buffer_stream(source, 2)), ahead=2, drops=True, **o
    ),
    "map, closed by hand": lambda **o: conformance.stream(
        lambda source: Bare(concurrency.map_stream(source, lambda item: item)), drops=True, **o
    ),
    "merge of one": lambda **o: conformance.stream(
        concurrency.merge_streams, ahead=1, drops=True, resumes=True, **o
    ),
    "merge with another": lambda **o: conformance.stream(
        lambda source: concurrency.merge_streams(["other"], source),
        ahead=1,
        order=False,
        expect=lambda i: [*i, "other"],
        without=["errors", "lazy"],
        **o,
    ),
    "throttle": lambda **o: conformance.stream(
        lambda source: concurrency.throttle_stream(source, 2), drops=True, **o
    ),
    "batch": lambda **o: conformance.stream(
        lambda source: concurrency.batch_stream(source, 2), expect=pairs, **o
    ),
    "batch in time": lambda **o: conformance.stream(
        lambda source: concurrency.batch_stream(source, 2, timeout=1e6),
        expect=pairs,
        ahead=2,
        without=["slow"],
        **o,
    ),
}


@pytest.mark.parametrize("name", list(RIGHT))
def test_our_streams_keep_every_promise(name, backend):
    report = RIGHT[name](backend=backend, schedules=50)

    report.assert_kept()


async def doubled(source):
    """Right in the fewest lines, for planted violations to differ from."""
    async with aclosing(source):
        async for item in source:
            yield item, item


def test_an_async_generator_that_closes_its_source_is_right(backend):
    conformance.stream(
        doubled, expect=lambda i: [(item, item) for item in i], backend=backend, schedules=50
    ).assert_kept()


async def prefetched(source):
    """Reads ahead in a task of its own, and tells nobody what that fails at once it is left."""
    queue = asyncio.Queue(2)

    async def read():
        error = None
        async with aclosing(source):
            try:
                async for item in source:
                    await queue.put([item])
            except Exception as raised:
                error = raised
        await queue.put(error)

    reader = asyncio.create_task(read())
    try:
        while isinstance(got := await queue.get(), list):
            yield got[0]
        if got is not None:
            raise got
    finally:
        reader.cancel()
        await asyncio.wait([reader])


def test_a_reader_task_is_right_where_cancellation_is_native():
    report = conformance.stream(
        prefetched, ahead=3, style="asyncio", schedules=50, without=["clean-up"]
    )

    report.assert_kept()


# Planted violations, each with the promise that it breaks.


async def stops_at_none(source):
    async with aclosing(source):
        async for item in source:
            if item is None:
                return
            yield item


async def forgets_the_odd_one(source):
    async with aclosing(source):
        held = []
        async for item in source:
            held.append(item)
            if len(held) == 2:
                for each in held:
                    yield each
                held = []


async def repeats_the_last(source):
    async with aclosing(source):
        async for item in source:
            yield item
        yield item


class WaitsForMore:
    """An iterator that tells of the end once, and then waits for items that never come."""

    def __init__(self, source):
        self.source, self.ended = source, False

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.ended:
            await anyio.Event().wait()
        self.ended = True
        item = await anext(self.source)
        self.ended = False
        return item

    async def aclose(self):
        await self.source.aclose()


async def swallows_the_error(source):
    async with aclosing(source):
        try:
            async for item in source:
                yield item
        except ValueError:
            raise
        except Exception:
            return


async def drops_items_before_an_error(source):
    async with aclosing(source):
        held = []
        async for item in source:
            held.append(item)
            if len(held) == 2:
                yield held.pop(0)
        for item in held:
            yield item


async def leaves_its_source_open(source):
    async for item in source:
        yield item


class HidesTheError:
    """An `async with` that ends the block, whatever came out of it."""

    def __init__(self, source):
        self.source = source

    def __aiter__(self):
        return self.source

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc_info):
        await self.source.aclose()
        return exc_info[0] is not None and issubclass(exc_info[0], Exception)


class ClosesWhenTold:
    def __init__(self, source):
        self.source = source

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await anext(self.source)

    async def aclose(self):
        await self.source.aclose()


class ClosesInSilence(ClosesWhenTold):
    """Tells nobody what came of the closing."""

    async def aclose(self):
        try:
            await self.source.aclose()
        except Exception:
            pass


async def loses_what_comes_too_late(source):
    """A generator, which a pull that is cut off ends for good."""
    async with aclosing(source):
        async for item in source:
            yield item


async def closes_but_when_cancelled(source):
    try:
        async for item in source:
            await anyio.sleep(0.5)
            yield item
    except (Exception, GeneratorExit):
        await source.aclose()
        raise


async def reads_all_first(source):
    async with aclosing(source):
        for item in [item async for item in source]:
            yield item


async def gives_up_on_slow_sources(source):
    async with aclosing(source):
        while True:
            with anyio.move_on_after(0.5) as scope:
                try:
                    item = await anext(source)
                except StopAsyncIteration:
                    return
            if not scope.cancelled_caught:
                yield item


PROMISES = [
    "complete",
    "ends",
    "errors",
    "left early",
    "clean-up",
    "cancelled",
    "slow",
    "lazy",
    "dropped",
    "resumed",
]
PLANTED = [
    ("complete", stops_at_none),
    ("complete", repeats_the_last),
    ("complete", forgets_the_odd_one),
    ("ends", WaitsForMore),
    ("errors", swallows_the_error),
    ("errors", drops_items_before_an_error),
    ("left early", leaves_its_source_open),
    ("left early", HidesTheError),
    ("clean-up", ClosesInSilence),
    ("cancelled", closes_but_when_cancelled),
    ("slow", gives_up_on_slow_sources),
    ("lazy", reads_all_first),
    ("dropped", ClosesWhenTold),
    ("resumed", loses_what_comes_too_late),
]


@pytest.mark.parametrize(("promise", "planted"), PLANTED)
def test_a_planted_violation_is_caught(promise, planted, backend):
    others = [each for each in PROMISES if each != promise]

    report = conformance.stream(planted, drops=True, resumes=True, backend=backend, without=others)

    assert report.broken == (promise,), str(report)


def test_items_that_are_equal_and_not_alike_are_told_apart(backend):
    async def falsy_as_zero(source):
        async with aclosing(source):
            async for item in source:
                yield item or 0

    report = conformance.stream(
        falsy_as_zero, items=(1, 0, False), backend=backend, without=["errors"]
    )

    assert "complete" in report.broken
    assert "1, 0, False should come out, not 1, 0, 0" in str(report)


def test_a_batch_that_an_error_cuts_short_may_come_or_not(backend):
    async def whole_pairs(source):
        async with aclosing(source):
            pair = []
            async for item in source:
                pair.append(item)
                if len(pair) == 2:
                    yield pair
                    pair = []
            if pair:
                yield pair

    conformance.stream(whole_pairs, expect=pairs, backend=backend, schedules=50).assert_kept()


def test_a_report_calls_the_stream_by_the_name_of_its_function():
    report = conformance.stream(doubled, backend="asyncio", schedules=1, name=None)

    assert str(report).startswith("stream: doubled\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factory": 7}, "a kit takes a factory that makes a new stream each time, not 7"),
        ({"items": (1, 2)}, "items is a list or tuple of at least 3, no two alike"),
        ({"items": (1, 2, 1)}, "items is a list or tuple of at least 3, no two alike"),
        ({"items": iter("abc")}, "items is a list or tuple of at least 3, no two alike"),
        ({"expect": [1, 2]}, "expect is a function from the list of items to what comes out"),
        ({"ahead": -1}, "ahead is how many items may be read before they are needed, 0 or more"),
        ({"ahead": True}, "ahead is how many items may be read before they are needed, 0 or more"),
        ({"without": ["fast"]}, "the stream kit has no promise 'fast' to go without"),
    ],
)
def test_facts_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        conformance.stream(**{"factory": doubled, **arguments})
