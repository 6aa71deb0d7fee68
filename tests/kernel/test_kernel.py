"""Streams, lanes, limits and traces."""

from __future__ import annotations

import math

import pytest

from simclock.errors import UsageError
from simclock.kernel import Event, Lane, Limits, Trace, derive_seed, short_name, stream


def test_streams_are_derived_as_they_always_were():
    # Recorded schedules hold seeds: a change here silently changes what they replay.
    assert derive_seed(0) == 4761921975702974394
    assert derive_seed(42, "user", "retry") == 7173153945684109222
    assert derive_seed(42, "schedule", 7) == 2347599672102488030
    assert stream(0, "faults").random() == 0.7150986112344834
    assert stream(7, "user", "x").getrandbits(32) == 621224747


def test_each_purpose_and_each_seed_has_a_stream_of_its_own():
    seeds = {derive_seed(seed, purpose) for seed in range(100) for purpose in ("a", "b", 1, "")}

    assert len(seeds) == 400


def test_a_draw_from_one_stream_shifts_no_other():
    undisturbed = stream(1, "a").random()
    stream(1, "b").random()

    assert stream(1, "a").random() == undisturbed


def test_a_derived_seed_fits_into_63_bits():
    assert all(0 <= derive_seed(seed, "x") < 2**63 for seed in range(1_000))
    assert max(derive_seed(seed, "x") for seed in range(1_000)) > 2**62


@pytest.mark.parametrize("steps", [0, -1, 1.5, True, "many"])
def test_limits_refuse_numbers_of_steps_that_no_run_could_respect(steps):
    with pytest.raises(UsageError, match=r"steps=…. takes a whole number >= 1"):
        Limits(steps=steps)


@pytest.mark.parametrize("name", ["virtual_time", "wall_time"])
@pytest.mark.parametrize("seconds", [0, -1.0, math.nan, False, "long"])
def test_limits_refuse_times_that_no_run_could_respect(name, seconds):
    with pytest.raises(UsageError, match=rf"{name}=…. takes seconds > 0"):
        Limits(**{name: seconds})


def test_limits_may_be_infinite_in_time():
    assert Limits(virtual_time=math.inf, wall_time=math.inf).steps == 1_000_000


def test_a_lane_shows_number_and_name_and_no_address():
    assert repr(Lane(3, "worker", None, ())) == "<lane 3 'worker'>"


def test_traces_of_different_courses_have_different_digests():
    courses = [[], [1], [1, 2], [2, 1], [-1], [1, -(10**9)], [1, 1]]
    digests = set()
    for course in courses:
        trace = Trace()
        trace.order.extend(course)
        digests.add(trace.digest())

    assert len(digests) == len(courses)


def test_an_event_reads_as_one_line():
    event = Event(3, 1_500_000_000, "cancel", 2, "worker", "app.py:7", "first time")

    assert str(event) == "step 3 t=1.5s cancel worker at app.py:7 (first time)"


def test_an_event_without_name_place_or_note_leaves_them_out():
    assert str(Event(3, 0, "time", 0, "", "")) == "step 3 t=0s time"


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("package.module.worker", "worker"),
        ("Pool.start.<locals>.worker", "worker"),
        ("main.<locals>.<lambda>", "<lambda>"),
        ("worker", "worker"),
        ("worker.1", "worker.1"),
        ("GET 10.0.0.1/index.html", "GET 10.0.0.1/index.html"),
        ("", ""),
    ],
)
def test_only_the_dotted_name_of_a_function_is_shortened(name: str, short: str) -> None:
    assert short_name(name) == short
