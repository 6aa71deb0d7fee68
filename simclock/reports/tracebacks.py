"""Tracebacks without the machinery: a reader sees the lines of the test and of what it calls."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

from simclock.simulation.places import is_plumbing

__all__ = ["strip"]

_Error = TypeVar("_Error", bound=BaseException)


def strip(error: _Error) -> _Error:
    """Drop from the traceback of ``error`` what lies above the user's first line.

    Frames below it stay, those of asyncio, trio and AnyIO included: they tell how it came about.
    A verdict, which no line of the user's raised, is left without a traceback.
    """
    trace = error.__traceback__
    while trace is not None and is_plumbing(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return error.with_traceback(_without_ours(trace))


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    """Return ``trace`` without the frames of simclock itself."""
    kept: list[TracebackType] = []
    while trace is not None:
        if not trace.tb_frame.f_globals.get("__name__", "").startswith("simclock."):
            kept.append(trace)
        trace = trace.tb_next
    below: TracebackType | None = None
    for each in reversed(kept):
        below = TracebackType(below, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return below
