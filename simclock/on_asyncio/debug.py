"""Handles of a loop in debug mode, which tell where they were made and whether they were slow.

What debug mode costs is paid here alone: outside of it, nothing asks whether it is on.
"""

# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001 - handles and loops of asyncio share their privates with one another

from __future__ import annotations

import logging
from asyncio import base_events, events, isfuture
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from simclock.on_asyncio.loop import SimulatedLoop

__all__ = ["DebugHandle", "DebugTimer", "leave_out_the_loop"]


def _run_measured(handle: Any, loop: SimulatedLoop, run: Any) -> None:
    """Run ``handle`` and log it if much time passed meanwhile, which is virtual time."""
    try:
        loop._current_handle = handle
        began = loop.time()
        run()
        took = loop.time() - began
        if took >= loop.slow_callback_duration:
            logger: logging.Logger = getattr(base_events, "logger")  # noqa: B009 - unknown to stubs
            logger.warning("Executing %s took %.3f seconds", _describe(handle), took)
    finally:
        loop._current_handle = None
        # If a task fails in this step, its traceback keeps this frame, and the frame would keep
        # the task: nobody would ever say that the failure was not looked at.
        del handle, run


def _describe(handle: Any) -> str:
    task = getattr(handle._callback, "__self__", None)
    return repr(task) if isfuture(task) and hasattr(task, "get_coro") else str(handle)


@final
class DebugHandle(events.Handle):
    """A handle of a loop in debug mode."""

    __slots__ = ()

    _loop: SimulatedLoop

    def _run(self) -> None:
        if self._loop.get_debug():
            _run_measured(self, self._loop, super()._run)
        else:
            super()._run()
        del self


@final
class DebugTimer(events.TimerHandle):
    """A timer of a loop in debug mode."""

    __slots__ = ()

    _loop: SimulatedLoop

    def _run(self) -> None:
        if self._loop.get_debug():
            _run_measured(self, self._loop, super()._run)
        else:
            super()._run()
        del self


def leave_out_the_loop(handle: Any) -> None:
    """Let the place where ``handle`` was made be its caller's, one frame further out."""
    if handle._source_traceback:
        del handle._source_traceback[-1]


# Logs and tracebacks read as the stock loop's do.
DebugHandle.__name__ = events.Handle.__name__
DebugTimer.__name__ = events.TimerHandle.__name__
