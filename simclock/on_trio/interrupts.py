"""Ctrl-C in a simulated trio run: trio decides what becomes of it, and here it is noted when."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from types import FrameType

    from simclock.simulation.simulation import Simulation

__all__ = ["InterruptNote"]


@final
class InterruptNote:
    """Notes at which step of a run an interrupt came, and leaves it to trio; a context manager.

    What follows that step is the program's unwinding: it is no part of how it came there. Outside
    the block nothing is noted: the clock of a run that somebody else starts leaves signals alone.
    """

    def __init__(self, simulation: Simulation) -> None:
        """Note what befalls ``simulation``."""
        self._simulation = simulation
        self._outside: Any = None
        self._before: Any = None
        self._ours = self._note
        self.noted: tuple[int, float] | None = None

    def __enter__(self) -> None:
        """Get ready, if this thread is the one that hears signals."""
        if threading.current_thread() is threading.main_thread():
            self._outside = signal.getsignal(signal.SIGINT)

    def __exit__(self, *_: object) -> None:
        """Give the signal back, however the run has ended."""
        if self._outside is not None and signal.getsignal(signal.SIGINT) is self._ours:
            signal.signal(signal.SIGINT, self._outside)

    def begin(self) -> None:
        """Listen in front of the handler that trio has just made, if it has made one."""
        before = signal.getsignal(signal.SIGINT)
        if self._outside is not None and before is not self._outside:
            self._before = before
            signal.signal(signal.SIGINT, self._ours)

    def end(self) -> None:
        """Give the signal back before trio does, which looks whether it still has it."""
        if self._before is not None and signal.getsignal(signal.SIGINT) is self._ours:
            signal.signal(signal.SIGINT, self._before)
        self._before = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.noted is None:
            self.noted = self._simulation.step, self._simulation.now
        # trio looks in the frame whether its own code was hit: it has to be the one that was.
        self._before(number, frame)
