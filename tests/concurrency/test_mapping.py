"""bounded_map, map_async and CompletionStream: never more tasks than asked for."""

from __future__ import annotations

import itertools

import anyio
import pytest

from concurrency import CompletionStream, bounded_map, checkpoint, map_async, sleep

BACKENDS = ("asyncio", "trio")
both = pytest.mark.parametrize("backend", BACKENDS)


async def give(value: object, delay: float = 0) -> object:
    await sleep(delay)
    return value


async def fail(error: BaseException, delay: float = 0) -> None:
    await sleep(delay)
    raise error


async def hang() -> None:
    await anyio.sleep_forever()


async def after(event: anyio.Event, value: object) -> object:
    await event.wait()
    return value


async def fail_after(event: anyio.Event) -> None:
    await event.wait()
    raise ValueError


async def eager_map(func, items, *, limit: int) -> list[object]:
    """Planted bug: a task for every item, of which only ``limit`` may proceed."""
    permits = anyio.Semaphore(limit)
    results: dict[int, object] = {}

    async def run(index: int, item: object) -> None:
        async with permits:
            results[index] = await func(item)

    async with anyio.create_task_group() as tg:
        for index, item in enumerate(items):
            tg.start_soon(run, index, item)
    return [results[index] for index in sorted(results)]


async def there_are_never_more_tasks_than_the_limit(bounded_map=bounded_map) -> None:
    before = len(anyio.get_running_tasks())
    most = 0

    async def count(item: int) -> int:
        nonlocal most
        most = max(most, len(anyio.get_running_tasks()) - before)
        await checkpoint()
        return item

    assert await bounded_map(count, range(50), limit=5) == list(range(50))
    assert most <= 5


async def an_endless_source_is_read_lazily() -> None:
    ended = 0

    def endless():
        for number in itertools.count():
            # Read only for a free place: all others but two have ended by then.
            assert number - ended <= 2
            yield number

    async def fail_at_ten(number: int) -> None:
        nonlocal ended
        await checkpoint()
        ended += 1
        if number == 10:
            raise ValueError(number)

    with pytest.raises(ExceptionGroup) as caught:
        await bounded_map(fail_at_ten, endless(), limit=3)
    assert [type(error) for error in caught.value.exceptions] == [ValueError]


async def async_sources_are_taken_and_none_is_unlimited() -> None:
    async def source():
        for number in range(5):
            yield number
            await checkpoint()

    assert await bounded_map(give, source(), limit=2) == [0, 1, 2, 3, 4]
    assert await map_async(give, source()) == [0, 1, 2, 3, 4]
    assert await map_async(give, range(300)) == list(range(300))


async def a_failing_source_fails_the_map() -> None:
    def source():
        yield 1
        raise KeyError("source")

    with pytest.raises(ExceptionGroup) as caught:
        await bounded_map(give, source(), limit=2, return_exceptions=True)
    assert isinstance(caught.value.exceptions[0], KeyError)


async def errors_are_results_on_request() -> None:
    async def odd(number: int) -> int:
        if number % 2:
            raise ValueError(number)
        return number

    results = await bounded_map(odd, range(4), limit=2, return_exceptions=True)
    assert results[::2] == [0, 2]
    assert all(isinstance(result, ValueError) for result in results[1::2])
    with pytest.raises(SystemExit):
        await bounded_map(fail, [SystemExit(1)], limit=2, return_exceptions=True)
    with pytest.raises(ExceptionGroup) as caught:
        await bounded_map(str, [1], limit=1)
    assert "must be an async function" in str(caught.value.exceptions[0])


async def results_come_as_they_complete() -> None:
    events = [anyio.Event() for _ in range(3)]
    aws = [after(event, number) for number, event in enumerate(events)]
    seen = []
    events[1].set()
    async with CompletionStream(aws) as stream:
        async for index, result in stream:
            assert index == result
            seen.append(index)
            events[(index + 1) % 3].set()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
    assert seen == [1, 2, 0]


async def breaking_out_ends_everything_at_once() -> None:
    started: list[int] = []
    ended: list[int] = []

    async def work(number: int) -> int:
        started.append(number)
        try:
            await (checkpoint() if number == 0 else anyio.sleep_forever())
        finally:
            ended.append(number)
        return number

    async with CompletionStream([work(n) for n in range(9)], limit=3) as stream:
        async for result in stream:
            assert result == (0, 0)
            break
    assert sorted(started) == sorted(ended)
    assert len(started) <= 4


async def a_failure_is_raised_after_what_was_complete() -> None:
    seen = []
    with pytest.raises(ExceptionGroup) as caught:
        go = anyio.Event()
        async with CompletionStream([give(1), fail_after(go), hang()]) as stream:
            async for result in stream:
                seen.append(result)
                go.set()
    assert seen == [(0, 1)]
    assert isinstance(caught.value.exceptions[0], ValueError)


async def a_failure_nobody_iterated_to_is_raised_on_leaving() -> None:
    with pytest.raises(ExceptionGroup):
        async with CompletionStream([fail(ValueError()), hang()]):
            await anyio.wait_all_tasks_blocked()


async def the_bodys_error_comes_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with CompletionStream([hang()]):
            raise KeyError
    async with CompletionStream([fail(ValueError("kept"))], return_exceptions=True) as stream:
        async for index, result in stream:
            assert (index, str(result)) == (0, "kept")


async def a_stream_runs_only_inside_its_block() -> None:
    stream = CompletionStream([give(1)])
    with pytest.raises(RuntimeError, match="async with CompletionStream"):
        await anext(stream)
    async with stream:
        pass


SCENARIOS = [
    there_are_never_more_tasks_than_the_limit,
    an_endless_source_is_read_lazily,
    async_sources_are_taken_and_none_is_unlimited,
    a_failing_source_fails_the_map,
    errors_are_results_on_request,
    results_come_as_they_complete,
    breaking_out_ends_everything_at_once,
    a_failure_is_raised_after_what_was_complete,
    a_failure_nobody_iterated_to_is_raised_on_leaving,
    the_bodys_error_comes_as_it_is,
    a_stream_runs_only_inside_its_block,
]


@both
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_mapping(scenario, backend) -> None:
    anyio.run(scenario, backend=backend)


@both
def test_a_map_that_starts_everything_is_found(backend) -> None:
    with pytest.raises(AssertionError):
        anyio.run(there_are_never_more_tasks_than_the_limit, eager_map, backend=backend)


@pytest.mark.parametrize(("limit", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError)])
def test_a_wrong_limit_is_refused_and_work_is_closed(limit, error) -> None:
    with pytest.raises(error, match="limit must be"):
        bounded_map(give, [1], limit=limit)
    with pytest.raises(error, match="limit must be"):
        map_async(give, [1], limit=limit)
    work = give(1)
    with pytest.raises(error, match="limit must be"):
        CompletionStream([work], limit=limit)
    assert work.cr_frame is None


def test_wrong_sources_and_functions_are_refused() -> None:
    with pytest.raises(TypeError, match="takes an iterable"):
        bounded_map(give, 5, limit=1)
    with pytest.raises(TypeError, match="write f, not f"):
        map_async(give(1), [1])
    with pytest.raises(TypeError, match="iterable of awaitables"):
        CompletionStream(give(1))
