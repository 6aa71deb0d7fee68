"""The places at which a sweep injects a cancellation or a stall, in the order it tries them."""

from __future__ import annotations

from simclock.kernel import MAIN
from simclock.schedules import Deviation, Kind
from simclock.simulation.outcome import Outcome

__all__ = ["cancellation_sweep", "stall_sweep"]

# With more steps than this a sweep keeps to the boundaries of the cancelled task's own steps:
# what others do meanwhile is left to the explored schedules.
_ALL_STEPS_MAX = 400


def cancellation_sweep(calm: Outcome, cancel: object) -> list[Deviation]:
    """Return each cancellation to try on the calm schedule.

    A task is cancelled when its k-th step has suspended it, and when it is about to take its
    (k+1)-th, having been woken: the two differ in what the task then owns. Between them, with
    few enough steps, at every step of another task as well.
    """
    simulation = calm.simulation
    order = [lane for lane in simulation.trace.order if lane >= 0][: simulation.taken]
    targets = [MAIN] if cancel is True else list(range(MAIN + 1, len(simulation.lanes)))
    own: dict[Deviation, None] = {}
    others: dict[Deviation, None] = {}
    for target in targets:
        alive = False
        last = max((i for i, lane in enumerate(order, 1) if lane == target), default=0)
        for step, lane in enumerate(order[:last], 1):
            place = Deviation(step, Kind.CANCEL, target)
            if lane == target:
                # A timeout around main starts when main does: nothing hits it before.
                if alive or target != MAIN:
                    own[place] = None
                alive = True
            elif step > 1 and order[step - 2] == target:
                own[place] = None
            elif alive and len(order) <= _ALL_STEPS_MAX:
                others[place] = None
        # Blocked for ever, or to the end of time: the step after its last.
        own[Deviation(last + 1, Kind.CANCEL, target)] = None
    for place in own:
        others.pop(place, None)
    return [*own, *others]


def stall_sweep(calm: Outcome) -> list[Deviation]:
    """Return one stall before each step of the calm schedule."""
    return [Deviation(step, Kind.STALL) for step in range(1, calm.simulation.taken + 1)]
