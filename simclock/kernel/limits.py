"""Limits: every loop has one, and each says what it protects from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, cast, final

from simclock.errors import UsageError

__all__ = ["DEFAULT_LIMITS", "FAIRNESS_CHOICES", "FAIRNESS_PER_LANE", "Limits"]

# Nothing runnable waits for more than this many choices, whatever a scheduler's priorities:
# AnyIO's cancellation re-arms itself through call_soon, and a task kept waiting for ever would
# be reported as a livelock that no machine would show. With many lanes runnable a fair share
# alone takes longer, hence the second term.
FAIRNESS_CHOICES = 60
FAIRNESS_PER_LANE = 4


@final
@dataclass(frozen=True, slots=True)
class Limits:
    """How long one run may last.

    ``steps``: steps after which a run is a livelock. ``virtual_time``: seconds on the virtual
    clock after which a run is a livelock too. ``wall_time``: real seconds that a run may wait
    for something outside the simulation, such as a worker thread.
    """

    steps: int = 1_000_000
    virtual_time: float = math.inf
    wall_time: float = 60.0

    def __post_init__(self) -> None:
        """Refuse limits that no run could respect."""
        steps = cast("object", self.steps)
        if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
            raise UsageError(f"Limits(steps=…) takes a whole number >= 1, not {self.steps!r}")
        for name in ("virtual_time", "wall_time"):
            value = cast("object", getattr(self, name))
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not value > 0:
                raise UsageError(f"Limits({name}=…) takes seconds > 0, not {value!r}")


DEFAULT_LIMITS: Final = Limits()
