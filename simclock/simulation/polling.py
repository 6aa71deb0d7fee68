"""Programs that poll: recognised by what they do, and given the time that they wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from simclock.kernel import CALLBACKS

if TYPE_CHECKING:
    from simclock.simulation.simulation import Driver, Simulation

__all__ = ["PollWatch"]

# After this many steps at one instant in which lanes only yielded to themselves, the program
# polls: the clock then moves to the next timer, so that polling ends when a timer ends it.
_SPIN_STEPS: Final = 10_000
_SPIN_STEPS_MIN: Final = 500
_SPIN_LANES: Final = 100
# Without a timer the poll may ask for the time itself: so much passes, and ever more of it, for
# it may wait for hours; but never so much that it ends long after what it waits for.
_NUDGE_SECONDS: Final = 1e-3
_NUDGE_GROWTH: Final = 1.1
_NUDGE_SECONDS_MAX: Final = 60.0
# So many callbacks in a row, with no step of a task between them, take longer than that; and if
# they do not end, ever longer: a thread may send them for as long as the run takes.
_ZENO_STEPS: Final = 2_000
_ZENO_SECONDS: Final = 1e-6
_ZENO_GROWTH: Final = 10.0
_ZENO_SECONDS_MAX: Final = 1.0


@final
class PollWatch:
    """Looks at one run from time to time, and lets time pass in it where only that can help."""

    __slots__ = ("_last", "_nudge", "_steps", "_zeno")

    def __init__(self) -> None:
        """Know of no poll."""
        # Progress, step and instant when something last happened but yielding.
        self._last = (0, 0, 0)
        self._steps = _SPIN_STEPS
        self._nudge = _NUDGE_SECONDS
        self._zeno = _ZENO_SECONDS

    def look(self, simulation: Simulation, driver: Driver) -> None:
        """Compare with the last look; between two steps."""
        step, timeline = simulation.step, simulation.timeline
        recent = simulation.trace.order[-_ZENO_STEPS:]
        if recent.count(CALLBACKS) == _ZENO_STEPS:
            # A timer sets itself for this very instant, until time has passed: here it would not.
            simulation.stall(self._zeno)
            self._zeno = min(self._zeno * _ZENO_GROWTH, _ZENO_SECONDS_MAX)
        elif self._zeno > _ZENO_SECONDS and max(recent) > CALLBACKS:
            self._zeno = _ZENO_SECONDS
        progress, since, instant = self._last
        if progress != simulation.progress or instant != timeline.nanoseconds:
            if progress != simulation.progress:
                # What comes now is another poll, and waits for another time.
                self._nudge = _NUDGE_SECONDS
            self._last = (simulation.progress, step, timeline.nanoseconds)
        elif step - since >= self._steps * (1 + len(simulation.ready) // _SPIN_LANES):
            # Each further wait of the same poll is recognised sooner, or a poll that waits for
            # a thousand timers would take ten million steps.
            self._steps = max(_SPIN_STEPS_MIN, self._steps // 10)
            # While threads work, time stands still: the poll may wait for one of them.
            if not driver.stall() and not driver.is_waiting_outside():
                simulation.stall(self._nudge)
                self._nudge = min(self._nudge * _NUDGE_GROWTH, _NUDGE_SECONDS_MAX)
            self._last = (simulation.progress, step, timeline.nanoseconds)
