"""Timer handles of a simulated loop: asyncio's own, made and cancelled with fewer calls."""

# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001 - handles and loops of asyncio share their privates with one another

from __future__ import annotations

from asyncio import events
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from collections.abc import Callable

    from simclock.on_asyncio.timed import TimedLoop

__all__ = ["SimulatedTimer"]


@final
class SimulatedTimer(events.TimerHandle):
    """A timer on the virtual clock.

    A program that sleeps makes and cancels one for each sleep: the two levels of constructor
    that the stock class runs through would be a quarter of the cost. In debug mode, where the
    stock constructors have more to do, a loop makes other timers.
    """

    __slots__ = ()

    _context: Context
    _loop: TimedLoop
    _args: Any
    _callback: Callable[..., object] | None
    _repr: str | None
    _source_traceback: Any
    _when: float
    _scheduled: bool

    def __init__(  # pyright: ignore[reportMissingSuperCall]
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: TimedLoop,
        context: Context | None = None,
    ) -> None:
        """Be due at ``when``; what the stock constructors set, set in one go."""
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None
        self._when = when
        self._scheduled = False

    def cancel(self) -> None:
        """Never fire; a second call does nothing."""
        if self._cancelled:
            return
        if self._scheduled:
            self._loop._timer_handle_cancelled(self)
        self._cancelled = True
        self._callback = None
        self._args = None


# Logs and reprs read as the stock loop's do.
SimulatedTimer.__name__ = events.TimerHandle.__name__
