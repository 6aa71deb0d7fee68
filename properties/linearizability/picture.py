"""A history as a picture in text: a lane for each task, an interval for each call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from properties.linearizability.history import Call, Ending, History

if TYPE_CHECKING:
    from properties.linearizability.search import Found

__all__ = ["draw"]

_WIDTH_MAX: Final = 90
_GAP: Final = 2
_ORDER_MAX: Final = 40


def draw(history: History, found: Found) -> list[str]:
    """Return the lines: the lanes, the place where no order works, and what was tried."""
    calls = history.calls
    labels = [str(call) for call in calls]
    legend: list[str] = []
    columns = _columns(calls, labels)
    if max(columns.values(), default=0) > _WIDTH_MAX:
        # Numbers in the lanes, and what they stand for below.
        width = len(str(len(calls)))
        legend = [f"  {i:>{width}}  {call.task}: {call}" for i, call in enumerate(calls, 1)]
        labels = [str(i) for i in range(1, len(calls) + 1)]
        columns = _columns(calls, labels)
    lines = _lanes(calls, labels, columns)
    if found.stuck is not None:
        lines += _marker(calls, found, columns)
    if legend:
        lines += ["", *legend]
    if found.stuck is not None:
        lines += ["", *_tried(calls, found)]
    return lines


def _columns(calls: tuple[Call, ...], labels: list[str]) -> dict[int, int]:
    """Return the column of each event, such that every label fits into its interval."""
    places = sorted({p for call in calls for p in (call.start, call.end) if p is not None})
    gaps = dict.fromkeys(places, _GAP)
    at = dict(zip(places, range(0, _GAP * len(places), _GAP), strict=True))
    for call, label in zip(calls, labels, strict=True):
        if call.end is None:
            continue
        # One column for each of: the beginning, a space, a space; the end has its own.
        missing = len(label) + 3 - (at[call.end] - at[call.start])
        if missing > 0:
            # Room is made right before the end: intervals that ended earlier stay as they are.
            gaps[call.end] += missing
            column = -_GAP
            for place in places:
                column += gaps[place]
                at[place] = column
    return at


def _lanes(calls: tuple[Call, ...], labels: list[str], columns: dict[int, int]) -> list[str]:
    last = max(columns.values(), default=0)
    rows: dict[str, list[list[str]]] = {}
    ends: dict[str, list[int]] = {}
    for call, label in zip(calls, labels, strict=True):
        start = columns[call.start]
        end = last + 2 if call.end is None else columns[call.end]
        lanes, busy = rows.setdefault(call.task, []), ends.setdefault(call.task, [])
        # One task rarely has two calls at once; if it has, they get a line each.
        free = next((i for i, until in enumerate(busy) if until < start), len(busy))
        if free == len(busy):
            lanes.append([])
            busy.append(0)
        busy[free] = end
        text = lanes[free]
        text.extend(" " * (end + 1 - len(text)))
        text[start : end + 1] = _interval(call, label, end - start + 1)
    width = max(map(len, rows))
    lines: list[str] = []
    for task, lanes in rows.items():
        names = [task, *[""] * (len(lanes) - 1)]
        lines += [
            f"  {n:<{width}}  {''.join(t).rstrip()}" for n, t in zip(names, lanes, strict=True)
        ]
    return lines


def _interval(call: Call, label: str, width: int) -> list[str]:
    tip = {Ending.RETURNED: "┤", Ending.CUT_OFF: "✗", Ending.OPEN: "…"}[call.ending]
    return list(f"{f'├ {label} ':─<{width - 1}}{tip}")


def _marker(calls: tuple[Call, ...], found: Found, columns: dict[int, int]) -> list[str]:
    assert found.stuck is not None
    stuck = calls[found.stuck]
    assert stuck.end is not None
    width = max(len(call.task) for call in calls)
    column = 4 + width + columns[stuck.end]
    text = "no order works past this point"
    if column > len(text) + 4:
        return [f"{text:>{column - 1}} ▲"]
    return [f"{'▲':>{column + 1}} {text}"]


def _tried(calls: tuple[Call, ...], found: Found) -> list[str]:
    """Say how far an order gets, and what the model answers there."""
    assert found.stuck is not None
    stuck = calls[found.stuck]
    lines: list[str] = []
    if found.order and len(found.order) <= _ORDER_MAX:
        lines.append("without that call, this order works:")
        counts: dict[int, int] = {}
        for point in found.order:
            counts[point.call] = counts.get(point.call, 0) + 1
        split = {index for index, count in counts.items() if count > 1}
        for number, point in enumerate(found.order, 1):
            call = calls[point.call]
            part = f" ({point.phase})" if point.call in split or point.phase != call.name else ""
            lines.append(f"  {number}. {call.task}: {call}{part}")
    for dead_end in found.dead_ends:
        asked = f"{stuck.task}: {stuck.request()}"
        if dead_end.expected is None:
            answer = f"{asked} would have to wait"
        else:
            answer = f"{asked} would have to give {dead_end.expected[0]!r}"
        lines += [f"state: {dead_end.state}", f"There {answer}."]
    return lines
