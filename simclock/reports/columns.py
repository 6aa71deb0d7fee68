"""The steps that matter, a column for each task."""

from __future__ import annotations

import os
from collections.abc import Sequence

from simclock.kernel import CALLBACKS, Event
from simclock.schedules import Kind, Schedule

__all__ = ["columns"]

_ALL_MAX = 30
_BEFORE, _AFTER, _LAST = 3, 3, 8
_COLUMNS_MAX = 8
_WIDTH_MAX = 32


def columns(schedule: Schedule, events: Sequence[Event], names: Sequence[str]) -> list[str]:
    """Return the lines of a table: step, virtual time, and who got where.

    A cell tells the line at which the task suspended after that step. Rows far from any
    deviation and from the end are left out of long runs, and a line says how many.
    """
    rows = [event for event in events if event.lane != CALLBACKS or event.kind == "stall"]
    shown = _choose(rows, schedule)
    lanes = sorted({row.lane for row, _ in shown if row.lane != CALLBACKS})[:_COLUMNS_MAX]
    if not lanes:
        return []
    cells = {id(row): _cell(row) for row, _ in shown}
    widths = {
        lane: min(
            _WIDTH_MAX,
            max([len(names[lane])] + [len(cells[id(row)]) for row, _ in shown if row.lane == lane]),
        )
        for lane in lanes
    }
    head = "  step       time  " + "  ".join(f"{names[lane]:<{widths[lane]}.{widths[lane]}}" for lane in lanes)
    lines = [head.rstrip()]
    for row, skipped in shown:
        if skipped:
            lines.append(f"     …             ({skipped} more)")
        if row.kind == "stall":
            lines.append(f"  {row.step:>4} {_time(row):>10}  ~ time passes although a task can run ~")
            continue
        line = f"  {row.step:>4} {_time(row):>10}  "
        line += "  ".join(
            f"{cells[id(row)] if lane == row.lane else '':<{widths[lane]}.{widths[lane]}}"
            for lane in lanes
        )
        lines.append(line.rstrip())
    return lines


def _time(event: Event) -> str:
    return f"{event.nanoseconds / 1e9:.6g}s"


def _cell(event: Event) -> str:
    place = os.path.basename(event.place) if event.place else ""
    if event.kind == "cancel":
        return f"✗ cancelled {place}".rstrip()
    return " ".join(part for part in (event.note, place) if part) or "runs"


def _choose(rows: Sequence[Event], schedule: Schedule) -> list[tuple[Event, int]]:
    """Return the rows to show, each with the number of rows left out before it."""
    rows = [row for row in rows if row.kind in {"step", "stall", "cancel"}]
    if len(rows) <= _ALL_MAX:
        return [(row, 0) for row in rows]
    near: set[int] = set()
    for deviation in schedule.deviations:
        near.update(range(deviation.at - _BEFORE, deviation.at + _AFTER + 1))
        if deviation.kind is Kind.HOLD:
            end = deviation.at + deviation.count
            near.update(range(end - 1, end + _AFTER))
    last = {row.step for row in rows[-_LAST:]}
    shown: list[tuple[Event, int]] = []
    skipped = 0
    for row in rows:
        if row.step in near or row.step in last:
            shown.append((row, skipped))
            skipped = 0
        else:
            skipped += 1
    return shown
