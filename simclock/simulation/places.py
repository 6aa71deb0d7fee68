"""Where a suspended coroutine stands: the user's line, and what it waits in."""

from __future__ import annotations

import gc
import inspect
import os
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, cast

__all__ = [
    "caller_of",
    "describe_end",
    "frames_of",
    "has_started",
    "is_installed",
    "is_plumbing",
    "leaves",
    "place_of",
    "place_of_error",
    "shorten",
    "waiting_in",
]

_STDLIB = os.path.normcase(sysconfig.get_path("stdlib")) + os.sep
# Libraries are installed for a user, for a machine, or beside a program, and not only where this
# Python would put them.
_SITE = re.compile(r".*[/\\](?:site|dist)-packages[/\\]")
_OURS = os.path.normcase(Path(__file__).resolve().parents[1]) + os.sep
# The plumbing in which tasks suspend: a reader looks for the line of their own that led there.
_PLUMBING = ("anyio", "trio")
_DEPTH_MAX = 200


def is_plumbing(filename: str) -> bool:
    """Tell whether a file belongs to Python, AnyIO, trio or simclock, not to the user."""
    path = os.path.normcase(filename)
    site = _SITE.match(path)
    if site is None:
        return path.startswith((_STDLIB, _OURS, "<"))
    package = path[site.end() :].partition(os.sep)[0]
    return package in _PLUMBING or path.startswith(_OURS)


def frames_of(coroutine: Any) -> Iterator[tuple[FrameType, int]]:
    """Yield the frames of a suspended coroutine with their lines, outermost first."""
    for _ in range(_DEPTH_MAX):
        if coroutine is None:
            return
        frame = inner = None
        for prefix in ("cr", "gi", "ag"):
            frame = getattr(coroutine, f"{prefix}_frame", None)
            if frame is not None:
                attribute = "gi_yieldfrom" if prefix == "gi" else f"{prefix}_await"
                inner = getattr(coroutine, attribute, None)
                break
        if frame is not None:
            yield frame, frame.f_lineno
        elif type(coroutine).__name__ in {
            "async_generator_asend",
            "async_generator_athrow",
            "coroutine_wrapper",
        }:
            # These wrappers don't tell what they wrap; their first referent does.
            referents = gc.get_referents(coroutine)
            inner = referents[0] if referents else None
        else:
            return
        coroutine = inner


def has_started(coroutine: Any) -> bool:
    """Tell whether a coroutine that has not ended has taken its first step."""
    if not hasattr(coroutine, "cr_suspended"):
        return True
    return inspect.getcoroutinestate(coroutine) != inspect.CORO_CREATED


def is_installed(filename: str) -> bool:
    """Tell whether a file belongs to an installed library."""
    return _SITE.match(filename) is not None


def shorten(filename: str) -> str:
    """Return ``filename`` as a reader knows it.

    A file of an installed library is told from its package on, another relative to the current
    directory, if it lies below it.
    """
    site = _SITE.match(filename)
    if site is not None:
        return filename[site.end() :]
    try:
        relative = os.path.relpath(filename)
    except ValueError:
        # Another drive on Windows.
        return filename
    return filename if relative.startswith("..") else relative


def place_of(coroutine: Any) -> str:
    """Return the file:line of the innermost frame that is the user's own, or ``''``."""
    outermost = found = ""
    for frame, line in frames_of(coroutine):
        filename = frame.f_code.co_filename
        if not outermost and not os.path.normcase(filename).startswith(_OURS):
            outermost = f"{shorten(filename)}:{line}"
        if not is_plumbing(filename):
            found = f"{shorten(filename)}:{line}"
    return found or outermost


def caller_of(coroutine: Any) -> str:
    """Return the user's line that called into the library in which it waits, or ``''``."""
    caller, in_library = "", False
    for frame, line in frames_of(coroutine):
        filename = frame.f_code.co_filename
        if is_installed(filename) and not is_plumbing(filename):
            in_library = True
        elif not is_plumbing(filename):
            caller, in_library = f"{shorten(filename)}:{line}", False
    return caller if in_library else ""


def waiting_in(coroutine: Any) -> str:
    """Return what the user's innermost frame awaits: ``Event.wait``, ``sleep``, or ``''``."""
    awaited = ""
    for frame, _ in frames_of(coroutine):
        if not is_plumbing(frame.f_code.co_filename):
            awaited = ""
        elif not awaited or awaited.startswith("_"):
            # Inside a private helper stands what a reader knows: Lock.acquire, not its mixin.
            awaited = frame.f_code.co_qualname
    return awaited


def place_of_error(error: BaseException) -> str:
    """Return the file:line of the innermost frame in the user's own code, or ``''``."""
    found, trace = "", error.__traceback__
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if not is_plumbing(filename):
            found = f"{shorten(filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def describe_end(error: BaseException | None) -> tuple[str, str]:
    """Return where a task ended and how: ``("", "ends")``, or the place of what it raised."""
    if error is None:
        return "", "ends"
    return place_of_error(error), f"raises {type(error).__name__}"


def leaves(error: BaseException) -> tuple[BaseException, ...]:
    """Return the exceptions directly inside a group; none if ``error`` is not a group."""
    if not isinstance(error, BaseExceptionGroup):
        return ()
    group = cast("BaseExceptionGroup[BaseException]", error)
    return group.exceptions
