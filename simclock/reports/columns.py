"""The steps that matter, a column for each task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from simclock.kernel import CALLBACKS, MAIN, Event
from simclock.schedules import Kind, Schedule

__all__ = ["columns"]

_ALL_MAX = 30
_BEFORE, _AFTER, _LAST = 3, 3, 8
_COLUMNS_MAX = 8
_WIDTH_MAX = 32


def columns(schedule: Schedule, events: Sequence[Event], names: Sequence[str]) -> list[str]:
    """Return the lines of a table: step, virtual time, and who got where.

    A cell tells the line at which the task suspended after that step. Rows far from any
    deviation and from the end are left out of long runs, and so are tasks that have no part in
    either where there are many; a line says how many.
    """
    rows = [event for event in events if event.lane != CALLBACKS or event.kind == "stall"]
    lanes = _choose_lanes(rows, schedule)
    if not lanes:
        return []
    shown = _choose([row for row in rows if row.lane in lanes or row.kind == "stall"], schedule)
    cells = {id(row): _cell(row) for row, _ in shown}
    widths = {
        lane: min(
            _WIDTH_MAX,
            max([len(names[lane])] + [len(cells[id(row)]) for row, _ in shown if row.lane == lane]),
        )
        for lane in lanes
    }
    heads = [f"{_fit(names[lane], widths[lane]):<{widths[lane]}}" for lane in lanes]
    lines = ["  ".join(["  step       time", *heads]).rstrip()]
    for row, skipped in shown:
        if skipped:
            lines.append(f"     …             ({skipped} more)")
        lead = f"  {row.step:>4} {_time(row):>10}  "
        if row.kind == "stall":
            lines.append(f"{lead}~ time passes although a task can run ~")
            continue
        texts = [_fit(cells[id(row)], widths[lane]) if lane == row.lane else "" for lane in lanes]
        padded = [f"{text:<{widths[lane]}}" for text, lane in zip(texts, lanes, strict=True)]
        lines.append((lead + "  ".join(padded)).rstrip())
    hidden = [names[lane] for lane in sorted({row.lane for row in rows} - {CALLBACKS, *lanes})]
    if hidden:
        lines.append(f"  not shown: {', '.join(hidden)}")
    return lines


def _choose_lanes(rows: Sequence[Event], schedule: Schedule) -> list[int]:
    """Return the lanes to show: the first, those that deviate, and those that came last."""
    ranked = [MAIN, *(deviation.lane for deviation in schedule.deviations)]
    ranked += [row.lane for row in reversed(rows)]
    ran = {row.lane for row in rows} - {CALLBACKS}
    chosen = [lane for lane in dict.fromkeys(ranked) if lane in ran]
    return sorted(chosen[:_COLUMNS_MAX])


def _fit(text: str, width: int) -> str:
    """Cut ``text`` at the front: what ends it, a line or a number, tells it from others."""
    return text if len(text) <= width else f"…{text[len(text) - width + 1 :]}"


def _time(event: Event) -> str:
    return f"{event.nanoseconds / 1e9:.6g}s"


def _cell(event: Event) -> str:
    if event.kind == "cancel":
        return "✗ cancelled"
    place = PurePath(event.place).name if event.place else ""
    if event.note.startswith("raises "):
        # The line is enough: the traceback above the table has the rest.
        return f"✗ {event.note.removeprefix('raises ')} {place.rpartition(':')[2]}".rstrip()
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
