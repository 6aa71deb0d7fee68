"""The kit for retry passes what is right, and catches a planted violation of each promise."""

from __future__ import annotations

import asyncio
import math

import anyio
import pytest

import concurrency
from properties import conformance
from simclock import UsageError

PAUSES = ((0.1, 0.11), (0.2, 0.22))


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


def test_our_retry_keeps_every_promise(backend):
    conformance.retry(
        lambda: concurrency.retry,
        pauses=PAUSES,
        sees_deadlines=True,
        passes=KeyboardInterrupt,
        backend=backend,
        schedules=50,
    ).assert_kept()


def test_our_retry_keeps_every_promise_under_native_cancellation():
    conformance.retry(
        lambda: concurrency.retry, pauses=PAUSES, style="asyncio", schedules=50
    ).assert_kept()


def _retrying(attempts=3, catches=Exception, pauses=(0.1, 0.2), last=True):
    async def retry(function):
        error = None
        for attempt in range(attempts):
            try:
                return await function()
            except catches as failure:
                error = error if error is not None and not last else failure
                if attempt + 1 < attempts:
                    await anyio.sleep(pauses[min(attempt, 1)])
        raise error

    return retry


async def goes_on_in_the_pause(function):
    for _ in range(2):
        try:
            return await function()
        except Exception:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.1)
    return await function()


async def calls_once_more(function):
    result = await _retrying()(function)
    await function()
    return result


def hedges(function):
    """asyncio only: its next attempt is under way already, and nobody ends it."""

    async def retry():
        try:
            return await function()
        except Exception:
            second = asyncio.create_task(_retrying(attempts=2)(function))
            return await asyncio.shield(second)

    return retry()


RETRIES = [
    ("succeeds", calls_once_more),
    ("attempts", _retrying(attempts=4)),
    ("attempts", _retrying(attempts=2)),
    ("attempts", _retrying(last=False)),
    ("pauses", _retrying(pauses=(0.1, 0.1))),
    ("pauses", _retrying(pauses=(0.1, 0.4))),
    ("passes", _retrying(catches=(Exception, KeyboardInterrupt))),
    ("cancelled in a pause", goes_on_in_the_pause),
    ("deadlines", _retrying()),
]


@pytest.mark.parametrize(("promise", "planted"), RETRIES)
def test_a_violation_of_a_retrys_promise_is_caught(promise, planted, backend):
    report = conformance.retry(
        lambda: planted,
        pauses=PAUSES,
        passes=KeyboardInterrupt,
        sees_deadlines=True,
        backend=backend,
        schedules=25,
    )

    assert promise in report.broken, str(report)


NATIVE_RETRIES = [("cancelled", _retrying(catches=BaseException)), ("over", hedges)]


@pytest.mark.parametrize(("promise", "planted"), NATIVE_RETRIES)
def test_a_retry_that_survives_a_native_cancellation_is_caught(promise, planted):
    report = conformance.retry(lambda: planted, style="asyncio")

    assert promise in report.broken, str(report)


def test_pauses_that_are_no_round_numbers_are_kept(backend):
    conformance.retry(
        lambda: _retrying(pauses=(1 / 3, 1 / 3)),
        pauses=((1 / 3, 1 / 3), (1 / 3, 1 / 3)),
        backend=backend,
        schedules=20,
    ).assert_kept()


def test_a_retry_with_an_error_of_its_own_breaks_but_attempts(backend):
    async def retry(function):
        try:
            return await _retrying()(function)
        except Exception as error:
            raise LookupError("every attempt failed") from error

    report = conformance.retry(lambda: retry, backend=backend, schedules=100)

    assert report.broken == ("attempts",), str(report)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"attempts": 1},
            "attempts, counting the first call, is a whole number from 2 to 50, not 1",
        ),
        ({"attempts": 2.5}, "whole number from 2 to 50, not 2.5"),
        (
            {"pauses": [(2, 1)]},
            r"a pause is \(the least, the most\) seconds, finite and 0 or more, not \(2, 1\)",
        ),
        ({"pauses": [(1, math.inf)]}, r"finite and 0 or more, not \(1, inf\)"),
        ({"pauses": [1, 2]}, r"a pause is \(the least, the most\) seconds, .*, not 1"),
        ({"pauses": [("a", "b")]}, r"a pause is .*, not \('a', 'b'\)"),
        ({"pauses": 1}, "pauses is a tuple with a pair of numbers for each, not 1"),
        ({"passes": (OSError,)}, "passes is a class derived from BaseException, not"),
    ],
)
def test_a_fact_out_of_range_is_refused(facts, said):
    with pytest.raises(UsageError, match=said):
        conformance.retry(lambda: concurrency.retry, **facts)
