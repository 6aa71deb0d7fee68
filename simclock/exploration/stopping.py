"""Interrupts: how whoever explores ends an exploration from inside a run."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import cast, final

from simclock.simulation.current import current_or_none

__all__ = ["InterruptWatch", "Stop", "find_interrupt", "keep_lines"]


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


def keep_lines(trace: TracebackType | None) -> None:
    """Drop from ``trace`` the places below the first that have no line.

    CPython 3.11 may interrupt a function before its first line, and pytest cannot show that.
    """
    while trace is not None:
        following = trace.tb_next
        # The type says that there always is a line; CPython knows better.
        while following is not None and cast("int | None", following.tb_lineno) is None:
            following = following.tb_next
        trace.tb_next = following
        trace = following


@final
class InterruptWatch:
    """Sees to it that no Ctrl-C is lost; a context manager.

    Python raises the interrupt wherever the program happens to be. Where that is a finaliser, or
    code that ends a run whatever happens, it is swallowed, and an exploration of a million
    schedules would go on. So it is noted as well, for :meth:`is_due` to be asked between two runs.
    """

    def __init__(self) -> None:
        """Watch for nothing yet."""
        self._noted = False
        self._watches = False

    def __enter__(self) -> InterruptWatch:
        """Watch, unless somebody else already decides what an interrupt means."""
        self._noted = False
        self._watches = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self._watches:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signal back."""
        if self._watches:
            self._watches = False
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted = True
        signal.default_int_handler(number, frame)

    def is_due(self) -> bool:
        """Tell whether an interrupt came since this was last asked."""
        noted, self._noted = self._noted, False
        return noted
