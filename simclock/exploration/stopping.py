"""Interrupts: how whoever explores ends an exploration from inside a run."""

from __future__ import annotations

from typing import cast, final

from simclock.simulation.current import current_or_none

__all__ = ["Stop", "find_interrupt"]


@final
class Stop(KeyboardInterrupt):
    """Ends an exploration at once, from inside a run, for whoever explores.

    It is an interrupt because these pass through tasks and their groups without being kept as
    the result of one. ``reason`` is what it means to its raiser; with ``tells``, the schedule
    so far is told in its notes: up to ``step``, in which it was raised.
    """

    def __init__(self, reason: BaseException, *, tells: bool) -> None:
        """End the exploration because of ``reason``."""
        super().__init__(str(reason))
        self.reason = reason
        self.tells = tells
        simulation = current_or_none()
        self.step = 0 if simulation is None else simulation.step
        self.now = 0.0 if simulation is None else simulation.now


def find_interrupt(failure: BaseException | None) -> KeyboardInterrupt | None:
    """Return the interrupt that ``failure`` is, or that is in its group."""
    if isinstance(failure, KeyboardInterrupt):
        return failure
    if isinstance(failure, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", failure).exceptions
        return next((i for i in map(find_interrupt, inner) if i is not None), None)
    return None
