"""Calls into an event loop from outside of its tasks: from other threads, and from finalisers.

AnyIO offers such calls to threads that wait for them to be made. A loop that is just ending takes a
call and never makes it, and who waited then would wait for ever, and keep the process from ending.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from anyio.lowlevel import current_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.lowlevel import EventLoopToken

__all__ = ["call_in_loop"]

_logger = logging.getLogger("concurrency")


def call_in_loop(token: EventLoopToken, call: Callable[[], object]) -> None:
    """Have ``call()`` made in the event loop's thread; from any thread, and from a finaliser.

    At once if a task of that loop is running here, as it is when a ``for`` loop drops its
    iterator: what ``call`` starts then belongs to the run before the run can end. Otherwise as
    soon as the loop gets to it, because a finaliser that the garbage collector calls may find
    the loop in the middle of anything.

    If the run is over, or just ending, there is nothing left to do: its end cancels every task
    and closes every generator.
    """
    if _runs_task_of(token):
        _call_unless_over(call)
        return
    native: Any = token.native_token
    schedule = getattr(native, "call_soon_threadsafe", None) or native.run_sync_soon
    _call_unless_over(partial(schedule, _call_unless_over, call))


def _runs_task_of(token: EventLoopToken) -> bool:
    try:
        anyio.get_current_task()
        return current_token() == token
    except (RuntimeError, TypeError):
        # AnyIO before 4.16 says by a TypeError that asyncio runs a callback, not a task.
        return False


def _call_unless_over(call: Callable[[], object]) -> None:
    try:
        call()
    except RuntimeError:
        # Both backends say by a RuntimeError that they take no more.
        _logger.debug("an event loop had ended before it could be told of something")
