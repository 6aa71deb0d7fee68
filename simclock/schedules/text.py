"""The text form of a schedule: one line, safe in a shell, versioned, readable, checksummed.

    s1:asyncio:42:12r3+14s+19c1:9f3a2c01

Read: format 1; on asyncio; seed 42; at step 12 lane 3 runs out of turn, before step 14 time
passes, before step 19 lane 1 is cancelled; checksum. A calm schedule has ``-`` for deviations.
"""

from __future__ import annotations

import re

from simclock.errors import ScheduleTextError, UsageError
from simclock.schedules.schedule import (
    BACKENDS,
    VERSION,
    WITH_COUNT,
    WITH_LANE,
    Deviation,
    Kind,
    Schedule,
    checksum,
)

__all__ = ["decode", "encode"]

_FORM = "s1:BACKEND:SEED:DEVIATIONS:CHECKSUM"

_DEVIATION = re.compile(r"([1-9][0-9]*)([a-z])([0-9]+)?(?:x([1-9][0-9]*))?")


def encode(schedule: Schedule) -> str:
    """Return the text form of ``schedule``; :func:`decode` gives the schedule back."""
    return str(schedule)


def decode(text: str) -> Schedule:
    """Return the schedule that ``text`` describes, or raise :class:`ScheduleTextError`."""
    text = text.strip()
    version = re.match(r"s([0-9]+):", text)
    if version is None:
        raise ScheduleTextError(f"a schedule reads {_FORM}, not {text!r}")
    if int(version[1]) != VERSION:
        raise ScheduleTextError(
            f"this schedule has format {version[1]} and this simclock reads format {VERSION}; "
            "replay it with the simclock that recorded it, or explore again"
        )
    parts = text.split(":")
    if len(parts) != _FORM.count(":") + 1:
        raise ScheduleTextError(f"the schedule is cut: it reads {_FORM}, not {text!r}")
    _, backend, seed, body, found = parts
    if found != checksum(text.rpartition(":")[0]):
        raise ScheduleTextError(
            f"the schedule was cut or altered: its checksum does not fit; copy {text!r} again whole"
        )
    if backend not in BACKENDS or not re.fullmatch("[0-9]+", seed):
        raise ScheduleTextError(f"a schedule reads {_FORM}, not {text!r}")
    try:
        deviations = () if body == "-" else tuple(map(_decode_deviation, body.split("+")))
        return Schedule(backend, int(seed), deviations)
    except UsageError as error:
        raise ScheduleTextError(f"{text!r} is no schedule: {error}") from None


def _decode_deviation(text: str) -> Deviation:
    match = _DEVIATION.fullmatch(text)
    kind = Kind(match[2]) if match and match[2] in {k.value for k in Kind} else None
    if match is None or kind is None:
        raise ScheduleTextError(f"{text!r} is no deviation; one reads like 12r3, 14s or 19c1")
    number, count = match[3], match[4]
    wants_number = kind in WITH_LANE or kind is Kind.TIE
    if wants_number != (number is not None) or (count is not None and kind not in WITH_COUNT):
        raise ScheduleTextError(f"{text!r} is no deviation; one reads like 12r3, 14s or 19c1")
    if kind is Kind.TIE:
        return Deviation(int(match[1]), kind, count=int(number))
    return Deviation(int(match[1]), kind, int(number or 0), int(count or 1))
