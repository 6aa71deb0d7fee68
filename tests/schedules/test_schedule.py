"""Schedules as data, and their text form."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simclock.errors import ScheduleTextError, UsageError
from simclock.schedules import BACKENDS, Deviation, Kind, Schedule, decode, encode

NUMBERS = st.integers(1, 10**9)
LANES = st.integers(0, 10**6)


def _deviations():
    """Build deviations that differ from one another in what their kind means, and only there."""
    return st.one_of(
        st.builds(Deviation, NUMBERS, st.sampled_from([Kind.RUN, Kind.CANCEL]), LANES),
        st.builds(Deviation, NUMBERS, st.just(Kind.HOLD), LANES, NUMBERS),
        st.builds(Deviation, NUMBERS, st.just(Kind.COLLECT)),
        st.builds(
            lambda at, kind, count: Deviation(at, kind, count=count),
            NUMBERS,
            st.sampled_from([Kind.STALL, Kind.TIE]),
            NUMBERS,
        ),
    )


SCHEDULES = st.builds(
    Schedule,
    st.sampled_from(BACKENDS),
    st.integers(0, 2**64),
    st.lists(_deviations(), max_size=8).map(tuple),
)

EVERY_KIND = Schedule(
    "asyncio",
    42,
    (
        Deviation(12, Kind.RUN, 3),
        Deviation(14, Kind.STALL),
        Deviation(15, Kind.STALL, count=3),
        Deviation(16, Kind.HOLD, 5),
        Deviation(17, Kind.HOLD, 5, 20),
        Deviation(19, Kind.CANCEL, 1),
        Deviation(5, Kind.TIE, count=2),
        Deviation(7, Kind.COLLECT),
    ),
)
TEXT = "s1:asyncio:42:5t2+7g+12r3+14s+15sx3+16h5+17h5x20+19c1:edeaf2b2"


@given(SCHEDULES)
def test_the_text_of_a_schedule_gives_it_back(schedule):
    assert decode(encode(schedule)) == schedule


@given(SCHEDULES)
def test_the_text_is_one_word_of_any_shell(schedule):
    text = str(schedule)

    assert shlex.quote(text) == text
    assert text.isascii()
    assert text.split() == [text]


def test_the_text_reads_as_documented():
    # Recorded texts are replayed by later versions: this one may never change its meaning.
    assert str(EVERY_KIND) == TEXT
    assert decode(TEXT) == EVERY_KIND


def test_a_calm_schedule_has_a_dash_for_deviations():
    assert str(Schedule("trio", 0)) == "s1:trio:0:-:8c96b96b"
    assert decode("s1:trio:0:-:8c96b96b") == Schedule("trio", 0)


def test_space_around_a_pasted_text_does_not_matter():
    assert decode(f"  {TEXT}\n") == EVERY_KIND


@given(SCHEDULES, st.data())
def test_a_text_with_one_character_altered_is_refused(schedule, data):
    text = encode(schedule)
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters().filter(lambda c: c != text[place]))
    altered = text[:place] + letter + text[place + 1 :]

    # Whitespace at the ends is not part of the text.
    if altered.strip() != text:
        with pytest.raises(ScheduleTextError):
            decode(altered)


@pytest.mark.parametrize("place", range(len(TEXT)))
def test_a_text_with_a_character_missing_or_one_of_its_own_alphabet_changed_is_refused(place):
    alphabet = sorted(set(TEXT) | set("0123456789abcdefghijklmnopqrstuvwxyz:+-x"))
    altered = [TEXT[:place] + letter + TEXT[place + 1 :] for letter in alphabet]
    missing = TEXT[:place] + TEXT[place + 1 :]

    for text in [missing, *(text for text in altered if text != TEXT)]:
        with pytest.raises(ScheduleTextError):
            decode(text)


@given(SCHEDULES, st.data())
def test_a_text_that_was_cut_at_either_end_is_refused(schedule, data):
    text = encode(schedule)
    cut = data.draw(st.integers(1, len(text)))

    for rest in (text[cut:], text[:-cut]):
        with pytest.raises(ScheduleTextError):
            decode(rest)


def test_a_text_of_a_newer_format_is_told_so():
    with pytest.raises(ScheduleTextError, match="has format 2 and this simclock reads format 1"):
        decode(TEXT.replace("s1:", "s2:"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a schedule reads s1:BACKEND:SEED:DEVIATIONS:CHECKSUM, not ''"),
        ("hello", "a schedule reads s1:BACKEND:SEED:DEVIATIONS:CHECKSUM, not 'hello'"),
        ("s1:asyncio:42", "the schedule is cut"),
        ("s1:asyncio:42:-:00000000", "was cut or altered: its checksum does not fit"),
    ],
)
def test_a_refusal_says_what_is_wrong(text, sentence):
    with pytest.raises(ScheduleTextError) as caught:
        decode(text)

    assert sentence in str(caught.value)


def _with_checksum(text):
    import zlib

    return f"{text}:{zlib.crc32(text.encode()):08x}"


@pytest.mark.parametrize(
    "body",
    [
        "5z1",
        "5",
        "r3",
        "0r3",
        "5r",
        "5g1",
        "5s3",
        "5sx0",
        "5tx2",
        "5t",
        "5t0",
        "5r3x2",
        "5r3+",
        "+5r3",
        "5h",
        "",
        "5R3",
        "5g+-",
    ],
)
def test_deviations_that_nothing_could_have_written_are_refused_whatever_the_checksum(body):
    with pytest.raises(ScheduleTextError):
        decode(_with_checksum(f"s1:asyncio:42:{body}"))


@pytest.mark.parametrize(
    "head", ["s1:curio:42", "s1:asyncio:-1", "s1:asyncio:x", "s1:asyncio:", "s1::42"]
)
def test_backends_and_seeds_that_do_not_exist_are_refused_whatever_the_checksum(head):
    with pytest.raises(ScheduleTextError):
        decode(_with_checksum(f"{head}:-"))


# Data.


def test_deviations_are_kept_in_one_order_and_once():
    one, two, three = Deviation(3, Kind.STALL), Deviation(3, Kind.RUN, 2), Deviation(1, Kind.RUN, 9)

    schedule = Schedule("asyncio", 0, (one, two, three, one))

    assert schedule.deviations == (three, two, one)
    assert schedule == Schedule("asyncio", 0, (two, three, one))
    assert len(schedule) == 3


def test_other_deviations_make_another_schedule_of_the_same_seed():
    stall = Deviation(3, Kind.STALL)

    assert EVERY_KIND.with_deviations((stall,)) == Schedule("asyncio", 42, (stall,))


@pytest.mark.parametrize("fields", [{"at": 0}, {"at": 1, "lane": -1}, {"at": 1, "count": 0}])
def test_deviations_that_no_run_could_contain_are_refused(fields):
    with pytest.raises(UsageError, match="at >= 1, lane >= 0 and count >= 1"):
        Deviation(kind=Kind.RUN, **fields)


def test_schedules_of_unknown_backends_and_negative_seeds_are_refused():
    with pytest.raises(UsageError, match="backend is 'asyncio' or 'trio', not 'curio'"):
        Schedule("curio", 0)
    with pytest.raises(UsageError, match="whole number >= 0, not -1"):
        Schedule("trio", -1)


def test_no_two_kinds_share_a_letter():
    letters = [kind.value for kind in Kind]

    assert len(set(letters)) == len(letters)
    assert "x" not in letters
