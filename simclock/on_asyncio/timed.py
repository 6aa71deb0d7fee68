"""The time of a simulated loop: what ``time``, ``call_at`` and ``call_later`` mean in it."""

# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001 - handles and loops of asyncio share their privates with one another

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from simclock.on_asyncio.debug import DebugTimer, leave_out_the_loop
from simclock.on_asyncio.refusals import Refusals
from simclock.on_asyncio.stock import StockLoop
from simclock.on_asyncio.timers import SimulatedTimer

if TYPE_CHECKING:
    from asyncio import events
    from collections.abc import Callable

    from simclock.kernel import Timeline
    from simclock.simulation.simulation import Simulation

__all__ = ["TimedLoop"]


class TimedLoop(Refusals, StockLoop):
    """A loop whose clock is the timeline of a :class:`Simulation`."""

    def __init__(self, simulation: Simulation) -> None:
        """Show the time of ``simulation``."""
        self.simulation = simulation
        self._timeline: Timeline[events.TimerHandle] = simulation.timeline
        super().__init__()
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Return virtual seconds since the run began."""
        return self._timeline.now

    def call_at(  # type: ignore[override]  # any callable, as at run time
        self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> events.TimerHandle:
        """Call ``callback`` when the clock reaches ``when``; never, if that is infinite."""
        if when is None:  # pyright: ignore[reportUnnecessaryComparison]
            raise TypeError("when cannot be None")
        self._check_closed()
        timer: Any
        if self._debug:
            self._check_thread()
            self._check_callback(callback, "call_at")
            timer = DebugTimer(when, callback, args, self, context)
            leave_out_the_loop(timer)
        else:
            timer = SimulatedTimer(when, callback, args, self, context)
        if when < math.inf:
            self._timeline.add(max(when, 0.0), timer)
            timer._scheduled = True
            self.simulation.progress += 1
        return cast("events.TimerHandle", timer)

    def call_later(  # type: ignore[override]  # as above
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> events.TimerHandle:
        """Call ``callback`` after ``delay`` virtual seconds."""
        if delay is None:  # pyright: ignore[reportUnnecessaryComparison]
            raise TypeError("delay must not be None")
        timer = self.call_at(self.time() + delay, callback, *args, context=context)
        leave_out_the_loop(timer)
        return timer

    def _timer_handle_cancelled(self, handle: Any) -> None:
        if handle._scheduled:
            self._timeline.note_cancelled()

    def pending_timers(self) -> list[events.TimerHandle]:
        """Return the timers that have neither fired nor been cancelled, earliest first."""
        return self._timeline.live()
