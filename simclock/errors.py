"""Every error simclock raises: what happened, when, and what would have been right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

__all__ = [
    "CallbackError",
    "DeadlockError",
    "LeakError",
    "LivelockError",
    "NestedSimulationError",
    "NeverAwaitedError",
    "NoSimulationError",
    "NondeterminismError",
    "OutsideSimulationError",
    "PromiseBrokenError",
    "ReplayDivergedError",
    "ScheduleTextError",
    "SimulationError",
    "UnretrievedExceptionError",
    "UnseenError",
    "UsageError",
    "WallTimeError",
]


class SimulationError(Exception):
    """Base of every error of simclock itself.

    Exceptions of the program under test are never wrapped in it: they are raised as they are,
    with the report in their notes.
    """


class VerdictError(SimulationError):
    """Base of the errors that pronounce a run a failure although nothing was raised in it."""


@final
class DeadlockError(VerdictError):
    """Nothing can run, no timer is pending and nothing outside the simulation is awaited."""


@final
class LivelockError(VerdictError):
    """The run took more steps than its limit allows, and no timer could end it."""


@final
class LeakError(VerdictError):
    """A task, async generator or callback outlived ``main``."""


@final
class UnretrievedExceptionError(VerdictError):
    """A task or future failed and nobody ever looked at its exception."""


@final
class CallbackError(VerdictError):
    """A callback of the event loop raised, or something else reached its exception handler."""


@final
class NeverAwaitedError(VerdictError):
    """A coroutine was created and dropped without ever being awaited."""


@final
class PromiseBrokenError(VerdictError, AssertionError):
    """An ``always``, ``unreachable`` or ``eventually`` did not hold."""


@final
class UnseenError(VerdictError, AssertionError):
    """A ``sometimes`` or ``reachable`` was never seen in a whole exploration."""


@final
class WallTimeError(SimulationError):
    """The run waited for something outside the simulation for longer than its limit."""


@final
class OutsideSimulationError(SimulationError):
    """The program asked for something that the simulated world does not contain."""

    def __init__(self, call: str, substitute: str) -> None:
        """Say which ``call`` was refused and what to use instead."""
        super().__init__(f"{call} reaches outside the simulation; {substitute}")


@final
class NoSimulationError(SimulationError):
    """A simulation was asked for, and none is running."""

    def __init__(self, what: str) -> None:
        """Say ``what`` needed a running simulation."""
        super().__init__(
            f"{what} needs a running simulation and none is running here; "
            "call it from code started by simclock.run, explore or replay"
        )


@final
class NestedSimulationError(SimulationError):
    """A simulation was started inside another one."""

    def __init__(self) -> None:
        """Name the remedy."""
        super().__init__(
            "a simulation is already running here; "
            "await the inner main instead of starting a simulation inside a simulation"
        )


@final
class UsageError(SimulationError, ValueError):
    """An argument is not of the form that the call takes."""


@final
class ScheduleTextError(SimulationError, ValueError):
    """The text of a schedule is cut, altered, too new, or meant for another backend."""


@final
class ReplayDivergedError(SimulationError):
    """A recorded decision no longer fits the run."""

    def __init__(self, *, step: int, recorded: str, found: Sequence[str] | str) -> None:
        """Tell the first ``step`` that differs, what was ``recorded`` and what was ``found``."""
        came = found if isinstance(found, str) else ", ".join(map(repr, found)) or "none"
        super().__init__(f"step {step}: the schedule says {recorded}, but {came}")
        self.step = step
        self.add_note(
            "The program, Python or a library changed since the schedule was recorded, "
            "or something outside the simulation decides. Explore again to find a new schedule."
        )


@final
class NondeterminismError(SimulationError):
    """One schedule, run twice, took two different courses."""

    def __init__(self, *, step: int, first: str, second: str) -> None:
        """Show both sides of the first divergent event."""
        super().__init__(
            f"the same schedule took two courses: at step {step} "
            f"the first run has {first}, the second has {second}"
        )
        self.step = step
        self.add_note(
            "Something outside the simulation decides: the real clock, a real thread, entropy, "
            "state that the first run left behind, or the order of a set whose members hash by "
            "their address (a dict with such keys, as in dict.fromkeys(), keeps its own order)."
        )
