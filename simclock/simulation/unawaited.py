"""Coroutines that were created and dropped without ever being awaited.

CPython reports them through one function of the ``warnings`` module, in which it is also told
the coroutine. Warnings filters are no place to listen: they are the program's, and would have
to be saved and restored for each of thousands of runs.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from simclock.errors import SimulationError
from simclock.simulation.places import shorten

__all__ = ["listening"]

_HOOK = "_warn_unawaited_coroutine"


@contextmanager
def listening(heard: list[str]) -> Generator[None]:
    """Put a line into ``heard`` for each coroutine dropped unawaited within the block."""
    original = getattr(warnings, _HOOK, None)
    if original is None:
        raise SimulationError(
            "this Python reports coroutines that were never awaited in a way that simclock does "
            "not know; use a simclock that names this Python version as supported"
        )

    def hear(coroutine: Any) -> None:
        code = coroutine.cr_code
        heard.append(
            f"coroutine {coroutine.__qualname__!r} was never awaited "
            f"(defined at {shorten(code.co_filename)}:{code.co_firstlineno})"
        )

    setattr(warnings, _HOOK, hear)
    try:
        yield
    finally:
        setattr(warnings, _HOOK, original)
