"""The kits for groups, gather, race and retry pass what is right, and catch what is planted."""

from __future__ import annotations

import asyncio
import contextlib

import anyio
import pytest
import trio

import concurrency
from properties import conformance
from simclock import UsageError


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


PAUSES = ((0.1, 0.11), (0.2, 0.22))
RIGHT = {
    "our group": lambda **o: conformance.task_group(
        concurrency.create_task_group, shape="either", **o
    ),
    "our strict group": lambda **o: conformance.task_group(
        lambda: concurrency.TaskGroup(strict=True), **o
    ),
    "anyio's group": lambda **o: conformance.task_group(anyio.create_task_group, **o),
    "our gather": lambda **o: conformance.gather(lambda: concurrency.gather, shape="group", **o),
    "anyio's gather": lambda **o: conformance.gather(lambda: anyio.gather, shape="group", **o),
    "our race": lambda **o: conformance.race(lambda: concurrency.race, **o),
    "our first_success": lambda **o: conformance.race(
        lambda: concurrency.first_success, wins="success", **o
    ),
    "our retry": lambda **o: conformance.retry(
        lambda: concurrency.retry, pauses=PAUSES, sees_deadlines=True, passes=KeyboardInterrupt, **o
    ),
}


@pytest.mark.parametrize("name", list(RIGHT))
def test_a_right_implementation_keeps_every_promise(name, backend):
    RIGHT[name](backend=backend, schedules=50).assert_kept()


def test_trios_nursery_keeps_every_promise():
    conformance.task_group(trio.open_nursery, backend="trio", schedules=50).assert_kept()


NATIVE = {
    "asyncio's group": lambda **o: conformance.task_group(asyncio.TaskGroup, **o),
    "our gather": lambda **o: conformance.gather(lambda: concurrency.gather, **o),
    "our race": lambda **o: conformance.race(lambda: concurrency.race, **o),
    "our retry": lambda **o: conformance.retry(lambda: concurrency.retry, pauses=PAUSES, **o),
}


@pytest.mark.parametrize("name", list(NATIVE))
def test_they_keep_their_promises_under_native_cancellation(name):
    NATIVE[name](style="asyncio", schedules=50).assert_kept()


def test_asyncios_gather_leaves_its_siblings_running():
    report = conformance.gather(lambda: asyncio.gather, style="asyncio", shape="bare")

    assert report.broken == ("siblings", "cancelled", "left behind")


# Planted violations, each with the promise that it breaks.


class Delegating:
    """A group that is right: planted violations change one thing of it."""

    def __init__(self):
        self.group = anyio.create_task_group()

    async def __aenter__(self):
        await self.group.__aenter__()
        return self

    async def __aexit__(self, *exc):
        return await self.group.__aexit__(*exc)

    def start_soon(self, function):
        self.group.start_soon(function)


class HurriesChildren(Delegating):
    async def __aexit__(self, *exc):
        self.group.cancel_scope.cancel()
        return await super().__aexit__(*exc)


class LetsSiblingsRun(Delegating):
    def __init__(self):
        super().__init__()
        self.failures = []

    def start_soon(self, function):
        async def kept():
            try:
                await function()
            except Exception as error:
                self.failures.append(error)

        self.group.start_soon(kept)

    async def __aexit__(self, *exc):
        await super().__aexit__(*exc)
        if self.failures:
            raise ExceptionGroup("failures", self.failures)


class WaitsForChildrenOfAFailedBody(Delegating):
    async def __aexit__(self, kind, error, traceback):
        await self.group.__aexit__(None, None, None)
        if error is not None:
            raise ExceptionGroup("failures", [error])


class LosesTheSecondFailure(Delegating):
    async def __aexit__(self, *exc):
        try:
            return await super().__aexit__(*exc)
        except ExceptionGroup as group:
            raise ExceptionGroup("failures", group.exceptions[:1]) from None


class ComesBare(Delegating):
    async def __aexit__(self, *exc):
        try:
            return await super().__aexit__(*exc)
        except ExceptionGroup as group:
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise


class SwallowsTheCancellation(Delegating):
    async def __aenter__(self):
        # A group of its own around it is cancelled in place of the caller.
        self.scope = anyio.CancelScope(deadline=anyio.current_effective_deadline() - 1)
        self.scope.__enter__()
        return await super().__aenter__()

    async def __aexit__(self, *exc):
        raised = None
        try:
            await super().__aexit__(*exc)
        except BaseException as error:
            raised = error
        if self.scope.__exit__(type(raised), raised, None) or raised is None:
            return True
        raise raised


class ShieldsItsChildren(Delegating):
    def start_soon(self, function):
        async def shielded():
            with anyio.CancelScope(shield=True):
                await function()

        self.group.start_soon(shielded)


class NeverCloses(Delegating):
    def start_soon(self, function):
        with contextlib.suppress(RuntimeError):
            super().start_soon(function)


class Detaches:
    """asyncio only: a group that leaves its tasks behind when it is cancelled itself."""

    def __init__(self):
        self.tasks = []

    async def __aenter__(self):
        return self

    def create_task(self, coroutine):
        if self.tasks is None:
            raise RuntimeError("closed")
        self.tasks.append(asyncio.create_task(coroutine))

    async def __aexit__(self, *exc):
        await asyncio.wait(self.tasks)
        self.tasks = None


GROUPS = [
    ("waits", HurriesChildren),
    ("siblings", LetsSiblingsRun),
    ("siblings", ComesBare),
    ("body", WaitsForChildrenOfAFailedBody),
    ("failures", LosesTheSecondFailure),
    ("cancelled", SwallowsTheCancellation),
    ("cancelled", ShieldsItsChildren),
    ("closed", NeverCloses),
]


@pytest.mark.parametrize(("promise", "planted"), GROUPS)
def test_a_violation_of_a_groups_promise_is_caught(promise, planted, backend):
    report = conformance.task_group(planted, backend=backend, schedules=25)

    assert promise in report.broken, str(report)


def test_a_group_that_leaves_tasks_behind_is_caught():
    report = conformance.task_group(Detaches, style="asyncio")

    assert "left behind" in report.broken, str(report)


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


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda: conformance.task_group(anyio.create_task_group, shape="round"),
            "shape is 'group'",
        ),
        (lambda: conformance.gather(lambda: concurrency.gather, shape="round"), "shape is 'group'"),
        (lambda: conformance.race(lambda: concurrency.race, wins="last"), "wins is 'completion'"),
        (lambda: conformance.retry(lambda: concurrency.retry, attempts=1), "is 2 or more, not 1"),
        (
            lambda: conformance.retry(lambda: concurrency.retry, pauses=[(2, 1)]),
            r"a pause is \(the least, the most\) seconds, 0 or more, not \(2, 1\)",
        ),
        (lambda: conformance.gather(concurrency.gather), "put a lambda around it"),
    ],
)
def test_a_fact_out_of_range_is_refused(ask, said):
    with pytest.raises(UsageError, match=said):
        ask()
