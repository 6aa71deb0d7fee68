"""Virtual time: instants, and the timeline that moves from one to the next."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simclock.kernel import Timeline, from_seconds, to_seconds

# Far beyond any program: 10**12 s are 31,700 years.
SECONDS = st.floats(0, 1e12) | st.floats(0, 2.0**23) | st.floats(0, 1e-6)


def _timeline(cancelled=()):
    return Timeline(lambda timer, _when: timer not in cancelled)


# Instants.


@given(SECONDS)
def test_an_instant_is_the_nanosecond_nearest_to_the_deadline(seconds):
    distance = abs(Fraction(seconds) * 10**9 - from_seconds(seconds))

    assert distance <= Fraction(1, 2) + Fraction(1, 1000)


@given(st.floats(-1e12, 0))
def test_before_the_beginning_too(seconds):
    distance = abs(Fraction(seconds) * 10**9 - from_seconds(seconds))

    assert distance <= Fraction(1, 2) + Fraction(1, 1000)


@given(SECONDS, SECONDS)
def test_a_later_deadline_never_belongs_to_an_earlier_instant(one, other):
    earlier, later = sorted((one, other))

    assert from_seconds(earlier) <= from_seconds(later)


@given(st.integers(0, 2**22 * 10**9))
def test_an_instant_of_the_first_month_survives_being_shown_in_seconds(nanoseconds):
    assert from_seconds(to_seconds(nanoseconds)) == nanoseconds


@given(st.integers(0, 10**21))
def test_what_is_shown_is_the_float_nearest_to_the_instant(nanoseconds):
    shown = to_seconds(nanoseconds)
    exact = Fraction(nanoseconds, 10**9)

    distance = abs(Fraction(shown) - exact)
    assert distance <= abs(Fraction(math.nextafter(shown, math.inf)) - exact)
    assert distance <= abs(Fraction(math.nextafter(shown, -math.inf)) - exact)


def test_sums_that_floats_tell_apart_are_one_instant():
    assert 0.1 + 0.2 != 0.3
    assert from_seconds(0.1 + 0.2) == from_seconds(0.3) == 300_000_000


def test_neighbouring_nanoseconds_are_two_instants():
    assert [from_seconds(n * 1e-9) for n in range(5)] == [0, 1, 2, 3, 4]


# The timeline.


@given(st.lists(SECONDS, max_size=20), st.sets(st.integers(0, 19)))
def test_live_timers_fire_in_order_of_instant_and_then_of_age(deadlines, cancelled):
    timeline = _timeline(cancelled)
    for age, when in enumerate(deadlines):
        timeline.add(when, age)

    fired = []
    for _ in deadlines:
        due = timeline.next_due()
        if due is not None:
            timeline.move_to(due)
            fired += timeline.take_due()

    live = [age for age in range(len(deadlines)) if age not in cancelled]
    assert fired == sorted(live, key=lambda age: (from_seconds(deadlines[age]), age))
    assert timeline.next_due() is None


@given(st.lists(st.tuples(SECONDS, st.floats(0, 1e9)), min_size=1, max_size=20))
def test_no_timer_fires_before_its_own_float_and_the_clock_never_goes_back(steps):
    # Timers of all sizes, with the clock being moved by hand in between, as stalls do.
    timeline = _timeline()
    shown = [timeline.now]

    for when, stall in steps:
        timeline.add(when, when)
        timeline.move_by(stall)
        shown.append(timeline.now)
        if timeline.is_due():
            taken = timeline.take_due()
            assert taken
            assert max(taken) <= timeline.now
            shown.append(timeline.now)

    assert shown == sorted(shown)


@given(SECONDS, st.floats(0, 1e6))
def test_code_that_waits_for_a_delay_finds_it_over(start, delay):
    timeline = _timeline()
    timeline.add(start, "start")
    timeline.move_to(timeline.next_due())
    timeline.take_due()
    begun = timeline.now

    timeline.add(begun + delay, "end")
    timeline.move_to(timeline.next_due())

    assert timeline.take_due() == ["end"]
    assert begun + delay <= timeline.now


def test_timers_due_at_one_instant_are_taken_together_oldest_first():
    timeline = _timeline()
    timeline.add(0.3, "older")
    timeline.add(0.1 + 0.2, "newer")
    timeline.add(0.4, "later")
    timeline.move_to(from_seconds(0.4))

    assert timeline.take_due() == ["older", "newer"]
    assert timeline.take_due() == ["later"]
    assert timeline.take_due() == []


def test_timers_a_nanosecond_apart_near_the_beginning_are_never_one_instant():
    timeline = _timeline()
    for n in (3, 1, 2):
        timeline.add(n * 1e-9, n)

    fired = []
    while (due := timeline.next_due()) is not None:
        timeline.move_to(due)
        fired.append(timeline.take_due())

    assert fired == [[1], [2], [3]]


def test_a_timer_of_a_billion_seconds_fires_then_and_not_before():
    timeline = _timeline()
    timeline.add(1e9, "far")
    timeline.move_to(from_seconds(1e9) - 1)
    assert not timeline.is_due()

    timeline.move_to(timeline.next_due())

    assert timeline.take_due() == ["far"]
    assert timeline.now == 1e9


def test_a_nanosecond_that_the_clock_cannot_show_still_lets_timers_pass():
    # Past 2**24 s a float has no nanoseconds; time moves all the same.
    timeline = _timeline()
    timeline.move_to(from_seconds(2.0**27))
    timeline.add(math.nextafter(2.0**27, math.inf), "next")

    timeline.move_to(timeline.next_due())

    assert timeline.take_due() == ["next"]


def test_a_timer_in_the_past_is_due_at_once_and_leaves_the_clock_alone():
    timeline = _timeline()
    timeline.move_to(5 * 10**9)
    timeline.add(2.0, "past")

    assert timeline.is_due()
    assert timeline.take_due() == ["past"]
    assert (timeline.now, timeline.nanoseconds) == (5.0, 5 * 10**9)


def test_the_clock_does_not_go_back():
    timeline = _timeline()
    timeline.move_to(5)
    timeline.move_to(3)

    assert timeline.nanoseconds == 5


@pytest.mark.parametrize("seconds", [-1e-9, math.nan, math.inf, -math.inf])
def test_time_moves_by_a_finite_number_that_is_not_negative(seconds):
    with pytest.raises(ValueError, match="finite number of seconds >= 0"):
        _timeline().move_by(seconds)


def test_a_cancelled_timer_neither_fires_nor_moves_the_clock():
    cancelled = set()
    timeline = _timeline(cancelled)
    timeline.add(1.0, "cancelled")
    timeline.add(2.0, "live")
    cancelled.add("cancelled")
    timeline.note_cancelled()

    assert timeline.next_due() == from_seconds(2.0)
    assert timeline.live() == ["live"]


def test_cancelled_timers_do_not_pile_up():
    cancelled = set()
    timeline = _timeline(cancelled)
    for n in range(10_000):
        timeline.add(1.0 + n, n)
        if n % 100:
            cancelled.add(n)
            timeline.note_cancelled()

    assert len(timeline) < 500
    assert timeline.live() == list(range(0, 10_000, 100))


def test_live_timers_are_listed_earliest_first():
    timeline = _timeline()
    for when in (3.0, 1.0, 2.0, 1.0):
        timeline.add(when, when)

    assert timeline.live() == [1.0, 1.0, 2.0, 3.0]


def test_timers_that_cannot_be_compared_may_share_an_instant():
    timeline = _timeline()
    timers = [object(), object()]
    for timer in timers:
        timeline.add(1.0, timer)
    timeline.move_to(10**9)

    assert timeline.take_due() == timers


@given(SECONDS, st.floats(0, 1e3))
def test_after_time_was_moved_the_clock_shows_all_of_it(start, seconds):
    timeline = _timeline()
    timeline.move_by(start)
    before = timeline.now

    timeline.move_by(seconds)

    assert timeline.now >= before + seconds
