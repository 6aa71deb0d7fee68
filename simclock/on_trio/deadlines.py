"""The deadlines of a simulated trio run, on its timeline: by instant, then by age."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, final

from simclock.kernel import Timeline, from_seconds, to_seconds
from simclock.on_trio.seams import cancel_by_deadline, registered_deadline

if TYPE_CHECKING:
    from simclock.on_trio.world import TrioWorld

__all__ = ["Deadlines", "new_timeline"]


def new_timeline() -> Timeline[Any]:
    """Return a timeline whose timers are trio's cancel scopes."""
    return Timeline(lambda scope, when: max(registered_deadline(scope), 0.0) == when)


@final
class Deadlines:
    """The scopes that have a deadline and are open, as trio's runner keeps them."""

    __slots__ = ("_firing", "_timeline", "_world")

    def __init__(self, world: TrioWorld) -> None:
        """Keep the deadlines of ``world`` on its timeline."""
        self._world = world
        self._timeline = world.simulation.timeline
        self._firing: Any = None

    def add(self, deadline: float, scope: Any) -> None:
        """Cancel ``scope`` when the clock reaches ``deadline``."""
        # A deadline before the run began is due at once, like any other that has passed.
        self._timeline.add(max(deadline, 0.0), scope)

    def remove(self, deadline: float, scope: Any) -> None:  # noqa: ARG002 - trio's signature
        """Forget a deadline; what remains of it in the timeline no longer counts."""
        if scope is not self._firing:
            self._timeline.note_cancelled()

    def next_deadline(self) -> float:
        """Return the earliest deadline, or infinity."""
        due = self._timeline.next_due()
        return math.inf if due is None else to_seconds(due)

    def expire(self, now: float) -> bool:  # noqa: ARG002 - trio's signature; the timeline knows the instant itself
        """Cancel the scopes whose deadline was reached; tell whether there was any."""
        timeline, fired = self._timeline, False
        while timeline.is_due():
            # A scope whose deadline was moved to and fro may be found twice.
            scopes = list(dict.fromkeys(timeline.take_due()))
            for scope in self._world.order_ties(scopes):
                if self._is_reached(scope):
                    fired, self._firing = True, scope
                    cancel_by_deadline(scope)
            self._firing = None
        return fired

    def _is_reached(self, scope: Any) -> bool:
        # Cancelling the one before it may have cancelled this one too, or given it more time.
        deadline = registered_deadline(scope)
        if math.isinf(deadline):
            return deadline < 0
        return from_seconds(deadline) <= self._timeline.nanoseconds
