"""The kits for gather and race pass what is right, and catch what is planted."""

from __future__ import annotations

import asyncio
import inspect

import anyio
import pytest

import concurrency
from properties import conformance
from properties.conformance.calls import bare
from properties.conformance.workers import PlannedFailureError
from simclock import UsageError


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


RIGHT = {
    "our gather": lambda **o: conformance.gather(lambda: concurrency.gather, shape="group", **o),
    "anyio's gather": lambda **o: conformance.gather(lambda: anyio.gather, shape="group", **o),
    "our race": lambda **o: conformance.race(lambda: concurrency.race, **o),
    "our first_success": lambda **o: conformance.race(
        lambda: concurrency.first_success, wins="success", **o
    ),
}


@pytest.mark.parametrize("name", list(RIGHT))
def test_a_right_implementation_keeps_every_promise(name, backend):
    RIGHT[name](backend=backend, schedules=50).assert_kept()


NATIVE = {
    "our gather": lambda **o: conformance.gather(lambda: concurrency.gather, **o),
    "our race": lambda **o: conformance.race(lambda: concurrency.race, **o),
}


@pytest.mark.parametrize("name", list(NATIVE))
def test_they_keep_their_promises_under_native_cancellation(name):
    NATIVE[name](style="asyncio", schedules=50).assert_kept()


async def raises_one_of_two(*aws):
    """Of those that have failed it raises who comes first among the arguments."""
    tasks = [asyncio.ensure_future(aw) for aw in aws]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        failed = [task for task in tasks if task.done() and task.exception()]
        return [task.result() for task in failed or tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_a_bare_failure_is_either_of_two_that_fail_at_one_instant():
    conformance.gather(lambda: raises_one_of_two, style="asyncio", without=("empty",)).assert_kept()


async def raises_what_nobody_raised(*aws):
    try:
        return await concurrency.gather(*aws)
    except ExceptionGroup as group:
        raise PlannedFailureError(str(group.exceptions[0])) from None


def test_a_bare_failure_that_is_neither_of_two_is_caught(backend):
    report = conformance.gather(
        lambda: raises_what_nobody_raised, shape="bare", backend=backend, schedules=25
    )

    assert "failures" in report.broken, str(report)


def test_asyncios_gather_leaves_its_siblings_running():
    report = conformance.gather(lambda: asyncio.gather, style="asyncio", shape="bare")

    assert report.broken == ("siblings", "cancelled", "left behind")


# Planted violations, each with the promise that it breaks.


async def _collect(aws, results, *, order="arguments", keep=False):
    async with anyio.create_task_group() as group:

        async def one(number, aw):
            try:
                result = await aw
            except Exception as error:
                if not keep:
                    raise
                result = error
            results[number if order == "arguments" else len(results)] = result

        for number, aw in enumerate(aws):
            group.start_soon(one, number, aw)
    return [results[number] for number in range(len(results))]


async def in_order_of_ending(*aws):
    return await _collect(aws, {}, order="ending")


async def one_after_another(*aws):
    return [await aw for aw in aws]


async def refuses_nothing(*aws):
    if not aws:
        raise ValueError("nothing to gather")
    return await concurrency.gather(*aws)


async def drops_failures(*aws):
    return [r for r in await _collect(aws, {}, keep=True) if not isinstance(r, Exception)]


async def waits_out_failures(*aws):
    results = await _collect(aws, {}, keep=True)
    if failures := [result for result in results if isinstance(result, Exception)]:
        raise ExceptionGroup("failures", failures)
    return results


async def drops_the_second_failure(*aws):
    try:
        return await concurrency.gather(*aws)
    except ExceptionGroup as group:
        raise ExceptionGroup("failures", group.exceptions[:1]) from None


async def shields_them(*aws):
    with anyio.CancelScope(shield=True):
        return await concurrency.gather(*aws)


GATHERS = [
    ("order", in_order_of_ending),
    ("order", one_after_another),
    ("empty", refuses_nothing),
    ("failures", drops_failures),
    ("failures", drops_the_second_failure),
    ("siblings", waits_out_failures),
    ("cancelled", shields_them),
]


@pytest.mark.parametrize(("promise", "planted"), GATHERS)
def test_a_violation_of_a_gathers_promise_is_caught(promise, planted, backend):
    report = conformance.gather(lambda: planted, backend=backend, shape="group", schedules=25)

    assert promise in report.broken, str(report)


async def last_wins(*aws):
    return (await _collect(aws, {}, order="ending"))[-1]


async def waits_for_losers(*aws):
    return (await _collect(aws, {}, order="ending"))[0]


async def last_argument_wins_a_tie(*aws):
    results = await _collect(aws, {}, order="ending")
    return results[0] if len(results) == 1 else "nobody"


async def swallows_failures(*aws):
    return (await _collect(aws, {}, order="ending", keep=True))[0]


async def skips_failures(*aws):
    return await concurrency.first_success(*aws)


RACES = [
    ("first", last_wins),
    ("first", waits_for_losers),
    ("tie", last_argument_wins_a_tie),
    ("failure", skips_failures),
    ("failures", swallows_failures),
    ("cancelled", shields_them),
]


@pytest.mark.parametrize(("promise", "planted"), RACES)
def test_a_violation_of_a_races_promise_is_caught(promise, planted, backend):
    report = conformance.race(lambda: planted, backend=backend, schedules=25)

    assert promise in report.broken, str(report)


async def leaves_losers(*aws):
    done, pending = await asyncio.wait(
        [asyncio.ensure_future(aw) for aw in aws], return_when=asyncio.FIRST_COMPLETED
    )
    for task in pending:
        task.cancel()
    return next(iter(done)).result()


def test_a_race_that_leaves_its_losers_is_caught():
    report = conformance.race(lambda: leaves_losers, style="asyncio")

    assert {"first", "left behind"} <= set(report.broken), str(report)


async def cancels_without_awaiting(*aws):
    """Right but for one thing: it is gone before those whom it cancelled have cleaned up."""
    tasks = [asyncio.ensure_future(aw) for aw in aws]
    try:
        return list(await asyncio.gather(*tasks))
    except asyncio.CancelledError:
        # Who never began would be a failure of another kind.
        while any(inspect.getcoroutinestate(aw) == inspect.CORO_CREATED for aw in aws):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0)
        raise


def test_a_gather_that_leaves_those_who_clean_up_is_caught():
    report = conformance.gather(lambda: cancels_without_awaiting, style="asyncio", shape="bare")

    found = next(v.failure.exception for v in report.verdicts if v.promise == "left behind")
    assert "the gather had ended, and " in str(bare(found)), str(report)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda: conformance.task_group(anyio.create_task_group, shape="round"),
            "shape is 'group'",
        ),
        (lambda: conformance.gather(lambda: concurrency.gather, shape="round"), "shape is 'group'"),
        (lambda: conformance.race(lambda: concurrency.race, wins="last"), "wins is 'completion'"),
        (lambda: conformance.gather(concurrency.gather), "put a lambda around it"),
    ],
)
def test_a_fact_out_of_range_is_refused(ask, said):
    with pytest.raises(UsageError, match=said):
        ask()
