"""Invariants of shields, failures, clean-up and clocks hold, and catch planted violations."""

from __future__ import annotations

import anyio
import pytest

import concurrency
import simclock
from properties.invariants import (
    BrokenInvariantError,
    CleanUpOnce,
    ClockNeverRunsBack,
    ConservedItems,
    FailuresArrive,
    MutualExclusion,
    NoStarvation,
    ScopesEndInTime,
    ShieldsHold,
    holding,
    watched,
)
from simclock import UsageError


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


def holds(main, backend, **options):
    simclock.explore(main, backend=backend, schedules=60, **options)


def breaks(main, backend, match, **options):
    with pytest.raises(BrokenInvariantError, match=match):
        simclock.explore(main, backend=backend, schedules=200, **options)


@pytest.mark.parametrize("shielded", [True, False])
def test_shields_hold(backend, shielded):
    @watched(ShieldsHold)
    async def main(shields):
        with anyio.move_on_after(1), anyio.CancelScope(shield=shielded), shields.body():
            await anyio.sleep(2)

    if shielded:
        holds(main, backend)
    else:
        breaks(main, backend, "a shield holds until its body ends: the body was cancelled")


@pytest.mark.parametrize("strict", [True, False])
def test_failures_arrive_in_the_right_shape(backend, strict):
    @watched(lambda: FailuresArrive("group"))
    async def main(failures):
        async def fail():
            raise failures.raised(ValueError("one"))

        try:
            async with concurrency.TaskGroup(strict=strict) as tg:
                tg.start_soon(fail)
        except (ValueError, ExceptionGroup) as error:
            failures.caught(error)

    if strict:
        holds(main, backend)
    else:
        breaks(main, backend, "came bare, and was to come in a group")


def test_failures_that_are_lost_doubled_or_made_up_are_caught():
    first, second = ValueError("first"), ValueError("second")
    lost, doubled, made_up = FailuresArrive(), FailuresArrive(), FailuresArrive()
    lost.raised(first)
    doubled.raised(first)
    doubled.caught(ExceptionGroup("", [first, ExceptionGroup("", [first])]))
    made_up.caught(second)

    for invariant, text in (
        (lost, "arrived 0 times"),
        (doubled, "arrived 2 times"),
        (made_up, "nobody"),
    ):
        with pytest.raises(BrokenInvariantError, match=text):
            invariant.check()


def test_clean_up_runs_once():
    never, twice = CleanUpOnce(), CleanUpOnce()
    never.opened("file")
    twice.opened("file")
    twice.closed("file")

    with pytest.raises(BrokenInvariantError, match="file was never cleaned up"):
        never.check()
    with pytest.raises(BrokenInvariantError, match="file was cleaned up once too often"):
        twice.closed("file")


def test_the_clock_never_runs_back(backend):
    @watched(ClockNeverRunsBack)
    async def main(clock):
        for _ in range(3):
            clock.look()
            await anyio.sleep(0.1)

    holds(main, backend)
    readings = iter([1.0, 2.0, 1.5])
    wound_back = ClockNeverRunsBack(lambda: next(readings))
    wound_back.look()
    wound_back.look()
    with pytest.raises(BrokenInvariantError, match=r"it showed 2\.0 and then 1\.5"):
        wound_back.look()


def test_an_error_that_the_program_swallows_is_raised_at_the_end(backend):
    async def main():
        exclusion = MutualExclusion()
        async with holding(exclusion):
            with exclusion.inside():
                try:
                    with exclusion.inside():
                        pass
                except BrokenInvariantError:
                    pass

    breaks(main, backend, "at most 1 inside at once")


def test_a_failure_of_the_test_itself_comes_first(backend):
    async def main():
        items = ConservedItems()
        async with holding(items):
            items.sent("a")
            raise ValueError("planted")

    with pytest.raises(ValueError, match="planted"):
        simclock.run(main, backend=backend)


def test_what_is_no_invariant_is_refused(backend):
    async def main():
        async with holding(MutualExclusion):
            pass

    with pytest.raises(UsageError, match="an invariant is an object of a subclass of Invariant"):
        simclock.run(main, backend=backend)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MutualExclusion(0),
        lambda: NoStarvation(-1),
        lambda: FailuresArrive("round"),
        lambda: ScopesEndInTime(grace=-1),
    ],
)
def test_arguments_that_mean_nothing_are_refused(make):
    with pytest.raises(UsageError):
        make()
