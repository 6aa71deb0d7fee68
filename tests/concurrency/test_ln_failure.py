"""List calls that fail: which errors come, in which shape, and what is tried again."""

from __future__ import annotations

import itertools
import threading

import anyio
import pytest

from concurrency.ln import alcall


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


# --- failure


async def a_failure_cancels_the_rest_and_comes_in_a_group():
    cancelled = []

    async def work(number):
        try:
            if number == 1:
                raise ValueError("planted")
            await anyio.sleep_forever()
        finally:
            cancelled.append(number)

    with pytest.raises(ExceptionGroup, match="1 of 3 calls") as caught:
        await alcall(range(3), work)
    assert [str(each) for each in caught.value.exceptions] == ["planted"]
    assert sorted(cancelled) == [0, 1, 2]


def test_a_failure_cancels_the_rest_and_comes_in_a_group(backend):
    anyio.run(a_failure_cancels_the_rest_and_comes_in_a_group, backend=backend)


async def naive_alcall(items, func, *, return_exceptions):
    """Keep whatever is raised, cancellation among it."""
    results = [None] * len(items)

    async def one(place, item):
        try:
            results[place] = await func(item)
        except BaseException as exc:
            results[place] = exc

    async with anyio.create_task_group() as tg:
        for place, item in enumerate(items):
            tg.start_soon(one, place, item)
    return results


async def exceptions_are_results_and_exits_are_not(call):
    async def work(number):
        if number == 0:
            raise ValueError("planted")
        if number == 2:
            raise SystemExit(3)
        return number

    error, one = await call([0, 1], work, return_exceptions=True)
    assert isinstance(error, ValueError)
    assert one == 1
    with pytest.raises(SystemExit):
        await call([2], work, return_exceptions=True)


async def cancellation_is_no_result(call):
    """The caller must feel its cancellation in the call, with no result in hand."""
    results = None
    with anyio.CancelScope() as scope:

        async def work(_):
            scope.cancel()
            await anyio.sleep_forever()

        results = await call([1, 2], work, return_exceptions=True)
    assert results is None
    assert scope.cancelled_caught


@pytest.mark.parametrize(
    "scenario", [exceptions_are_results_and_exits_are_not, cancellation_is_no_result]
)
def test_only_exceptions_are_results(backend, scenario):
    anyio.run(scenario, alcall, backend=backend)


def test_a_call_that_keeps_exits_as_results_is_caught(backend):
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        anyio.run(exceptions_are_results_and_exits_are_not, naive_alcall, backend=backend)


def test_a_call_that_keeps_cancellation_as_a_result_is_caught():
    with pytest.raises(AssertionError):
        anyio.run(cancellation_is_no_result, naive_alcall, backend="trio")


def test_native_cancellation_ends_all_calls():
    import asyncio

    async def main():
        ended = []

        async def work(number):
            try:
                await anyio.sleep_forever()
            finally:
                ended.append(number)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.002):
                await alcall(range(3), work, return_exceptions=True, retry_attempts=5)
        assert sorted(ended) == [0, 1, 2]

    asyncio.run(main())


def test_a_call_that_was_cancelled_by_others_is_an_error_not_a_gap():
    import asyncio

    async def main():
        future = asyncio.get_running_loop().create_future()
        future.cancel()

        async def work(number):
            return await future if number else number

        zero, error = await alcall(range(2), work, return_exceptions=True)
        assert zero == 0
        assert isinstance(error, anyio.TaskCancelled)
        with pytest.raises(ExceptionGroup):
            await alcall(range(2), work)

    asyncio.run(main())


# --- retry


class Flaky:
    """Fails a number of times, then succeeds."""

    def __init__(self, failures):
        self.left = failures
        self.instants = []

    async def __call__(self, item):
        self.instants.append(anyio.current_time())
        if self.left:
            self.left -= 1
            raise ValueError("flaky")
        return item


async def attempts_are_extra_and_delays_grow():
    flaky = Flaky(2)
    assert await alcall(
        [7], flaky, retry_attempts=2, retry_initial_delay=0.002, retry_backoff=3
    ) == [7]
    first, second = (b - a for a, b in itertools.pairwise(flaky.instants))
    assert first >= 0.0015
    assert second >= 0.0055
    flaky = Flaky(2)
    with pytest.raises(ExceptionGroup):
        await alcall([7], flaky, retry_attempts=1)
    assert len(flaky.instants) == 2
    assert await alcall([7], Flaky(1), retry_default=None) == [None]


def test_attempts_are_extra_and_delays_grow(backend):
    anyio.run(attempts_are_extra_and_delays_grow, backend=backend)


async def no_delay_is_begun_that_outlasts_the_deadline():
    flaky = Flaky(1)
    with pytest.raises(ExceptionGroup) as caught, anyio.fail_after(5):
        await alcall([7], flaky, retry_attempts=1, retry_initial_delay=10)
    assert isinstance(caught.value.exceptions[0], ValueError)
    assert len(flaky.instants) == 1


def test_no_delay_is_begun_that_outlasts_the_deadline(backend):
    anyio.run(no_delay_is_begun_that_outlasts_the_deadline, backend=backend)


async def many_attempts_do_not_overflow():
    flaky = Flaky(1100)
    assert await alcall(
        [7], flaky, retry_attempts=1100, retry_initial_delay=0, retry_backoff=2
    ) == [7]


def test_many_attempts_do_not_overflow(backend):
    anyio.run(many_attempts_do_not_overflow, backend=backend)


async def the_timeout_is_per_attempt():
    attempts = []

    async def slow_once(item):
        attempts.append(item)
        if len(attempts) == 1:
            await anyio.sleep_forever()
        return item

    assert await alcall([7], slow_once, retry_timeout=0.003, retry_attempts=1) == [7]
    assert attempts == [7, 7]


def test_the_timeout_is_per_attempt(backend):
    anyio.run(the_timeout_is_per_attempt, backend=backend)


async def naive_timed_call(items, func, *, retry_timeout):
    """Call the blocking function where no timeout can reach it."""
    results = []
    for item in items:
        with anyio.fail_after(retry_timeout):  # noqa: ASYNC100 - That is the bug.
            results.append(func(item))
    return results


async def a_blocking_function_is_timed_out(call, gate):
    with pytest.raises(ExceptionGroup) as caught:
        await call([0.05], gate.wait, retry_timeout=0.005)
    assert isinstance(caught.value.exceptions[0], TimeoutError)


def test_a_blocking_function_is_timed_out(backend):
    gate = threading.Event()
    try:
        anyio.run(a_blocking_function_is_timed_out, alcall, gate, backend=backend)
    finally:
        gate.set()


def test_a_timeout_that_cannot_reach_the_function_is_caught(backend):
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        anyio.run(
            a_blocking_function_is_timed_out, naive_timed_call, threading.Event(), backend=backend
        )
