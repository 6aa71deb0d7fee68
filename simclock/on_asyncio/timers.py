"""Timer handles of a simulated loop: asyncio's own, made and cancelled with fewer calls."""

from __future__ import annotations

from asyncio import events
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from simclock.on_asyncio.loop import SimulatedLoop

__all__ = ["SimulatedTimer"]


@final
class SimulatedTimer(events.TimerHandle):
    """A timer on the virtual clock.

    A program that sleeps makes and cancels one for each sleep: the two levels of constructor
    that the stock class runs through would be a quarter of the cost.
    """

    __slots__ = ()

    _scheduled: bool

    def __init__(  # pyright: ignore[reportMissingSuperCall]
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: SimulatedLoop,
        context: Context | None = None,
    ) -> None:
        """Be due at ``when``; what the stock constructors set, set in one go."""
        if loop.get_debug():
            super().__init__(when, callback, args, loop, context)
            return
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
        if self._loop.get_debug():
            super().cancel()
            return
        self._cancelled = True
        self._callback = None
        self._args = None
