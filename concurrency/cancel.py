"""Scopes, deadlines and timeouts, for ``with`` and ``async with`` alike."""

from __future__ import annotations

import math

import anyio
from anyio import get_cancelled_exc_class

from concurrency._scopes import CancelScope, FailScope
from concurrency._shield import shield
from concurrency._validation import check_deadline, check_timeout
from concurrency.errors import is_cancelled, non_cancel_subgroup, split_cancellation

__all__ = [
    "CancelScope",
    "FailScope",
    "effective_deadline",
    "fail_after",
    "fail_at",
    "get_cancelled_exc_class",
    "is_cancelled",
    "move_on_after",
    "move_on_at",
    "non_cancel_subgroup",
    "shield",
    "split_cancellation",
]


def move_on_after(seconds: float | None, *, shield: bool = False) -> CancelScope:
    """Return a scope that ends its block quietly ``seconds`` after it was entered.

    ``None`` sets no limit; 0 or less ends the block at its first checkpoint.

    Raises:
        TypeError: ``seconds`` is neither a number nor ``None``.
        ValueError: ``seconds`` is NaN.
    """
    return CancelScope(timeout=check_timeout(seconds, name="seconds"), shield=shield)


def move_on_at(instant: float | None, *, shield: bool = False) -> CancelScope:
    """Return a scope that ends its block quietly at ``instant`` of ``current_time()``.

    ``None`` sets no limit; an instant in the past ends the block at its first checkpoint.

    Raises:
        TypeError: ``instant`` is neither a number nor ``None``.
        ValueError: ``instant`` is NaN.
    """
    return CancelScope(deadline=check_deadline(instant, name="instant"), shield=shield)


def fail_after(seconds: float | None, *, shield: bool = False) -> FailScope:
    """Return a context that raises ``TimeoutError`` if its block is cut short by the time.

    ``seconds`` count from entering; ``None`` sets no limit. See :class:`FailScope` for when the
    error is raised and when not.

    Raises:
        TypeError: ``seconds`` is neither a number nor ``None``.
        ValueError: ``seconds`` is NaN.
    """
    return FailScope(move_on_after(seconds, shield=shield))


def fail_at(instant: float | None, *, shield: bool = False) -> FailScope:
    """Return a context that raises ``TimeoutError`` if its block is cut short at ``instant``.

    ``instant`` is measured on ``current_time()``; ``None`` sets no limit.

    Raises:
        TypeError: ``instant`` is neither a number nor ``None``.
        ValueError: ``instant`` is NaN.
    """
    return FailScope(move_on_at(instant, shield=shield))


def effective_deadline() -> float | None:
    """Return the nearest deadline over this task: an instant of ``current_time()``.

    ``None``: no limit. ``-inf``: cancelled already, and the next checkpoint says so. A shielded
    scope hides the deadlines outside it.

    Raises:
        anyio.NoEventLoopError: no event loop runs in this thread.
    """
    deadline = anyio.current_effective_deadline()
    return None if deadline == math.inf else deadline
