"""What came of one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from simclock.simulation.simulation import Simulation

__all__ = ["Outcome"]


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """The result or the failure of one run, and the simulation in which it came about.

    ``failure`` is the program's own exception, or a verdict such as ``DeadlockError``, or
    ``None``. ``cancelled`` tells that ``main`` ended by an injected cancellation, which is no
    failure. ``uses_anyio`` tells how a timeout around the program would be written.
    ``interrupted`` has the step and the time at which a Ctrl-C came, if more followed.
    """

    simulation: Simulation
    value: Any = None
    failure: BaseException | None = None
    cancelled: bool = False
    uses_anyio: bool = False
    interrupted: tuple[int, float] | None = None
