"""What no simulated test can be is refused, and what one leaves behind can be read."""

from __future__ import annotations

import asyncio
import time

import anyio
import hypothesis
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

import properties
from properties import CALM, DrawnSchedule, Wish, schedules, simulate, simulated
from simclock import Kind, UsageError

PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]


PLAIN = settings(deadline=None, database=None, derandomize=True, phases=PHASES)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


def test_a_plain_function_is_refused():
    with pytest.raises(UsageError, match="is not an async function: write 'async def'"):

        @properties.given(st.integers())
        def test(number): ...


def test_a_test_whose_schedule_nothing_draws_is_refused():
    @settings(PLAIN, max_examples=1)
    @hypothesis.given(st.integers())
    @simulated()
    async def test(number): ...

    with pytest.raises(UsageError, match=r"decorate it with properties\.given"):
        test()


def test_a_source_that_draws_nothing_is_refused():
    with pytest.raises(UsageError, match=r"a value of st\.data\(\)"):
        simulate(7, anyio.sleep, 1)


def test_strategies_by_position_and_by_name_together_are_refused():
    with pytest.raises((UsageError, InvalidArgument), match="by position or by name, not both"):

        @properties.given(st.integers(), b=st.integers())
        async def test(a, b): ...


def test_options_that_no_schedule_has_are_refused():
    with pytest.raises(UsageError, match="backend is 'asyncio', 'trio' or a tuple of both"):
        schedules(backend="curio")
    with pytest.raises(UsageError, match="cancel is False, True or 'tasks'"):
        schedules(cancel="all")
    with pytest.raises(UsageError, match="deviations is a whole number >= 0"):
        schedules(deviations=-1)
    with pytest.raises(UsageError, match="a wish has at >= 1"):
        Wish(Kind.RUN, 0)


def test_a_schedule_reads_as_the_code_that_makes_it():
    drawn = DrawnSchedule("trio", 3, (Wish(Kind.RUN, 4, 1), Wish(Kind.STALL, 2)))

    assert repr(CALM) == "DrawnSchedule()"
    assert eval(repr(drawn)) == drawn


def test_outside_of_hypothesis_the_report_is_in_the_notes_of_the_exception():
    async def main():
        await asyncio.sleep(1)
        raise ValueError("planted")

    with pytest.raises(ValueError, match="planted") as caught:
        simulate(CALM, main)

    assert "drawn by Hypothesis on asyncio: 0 deviations" in caught.value.__notes__[-1]


def test_the_real_clock_is_not_waited_for(backend):
    started = time.perf_counter()

    @settings(PLAIN, max_examples=20)
    @properties.given(st.integers(1, 10))
    @simulated(backend=backend)
    async def test(hours):
        await anyio.sleep(3600 * hours)

    test()

    assert time.perf_counter() - started < 30
