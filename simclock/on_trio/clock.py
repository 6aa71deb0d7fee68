"""The clock through which a simulation gets hold of a trio run."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import trio

from simclock.errors import UsageError
from simclock.on_trio import scopes, seams
from simclock.on_trio.world import TrioWorld

if TYPE_CHECKING:
    from collections.abc import Callable

    from simclock.simulation.simulation import Simulation

__all__ = ["SimulatedClock"]


@final
class SimulatedClock(trio.abc.Clock):
    """A clock for one ``trio.run``, which it turns into a simulated run.

    Wherever trio takes a clock, this one may be passed: ``trio.run(main, clock=…)``, guest runs,
    and AnyIO's ``backend_options={"clock": …}``. The order of steps, time, and the boundary to
    the outside then belong to ``simulation``. As a guest of another loop, time passes only after
    the host has had its turn, and a run with nothing to do waits for its host.
    """

    def __init__(
        self, simulation: Simulation, *, renew: Callable[[], Simulation] | None = None
    ) -> None:
        """Drive ``simulation``; refuses a trio whose inner parts are not known.

        With ``renew`` the clock serves any number of runs, one after another: each further one
        gets a simulation that ``renew`` makes.
        """
        seams.install()
        scopes.install()
        self._renew = renew
        self._enter(simulation)

    def _enter(self, simulation: Simulation) -> None:
        self.world = TrioWorld(simulation)
        self._timeline = simulation.timeline

    def start_clock(self) -> None:
        """Take over the run that is about to start."""
        if self.world.has_begun:
            if self._renew is None:
                raise UsageError("this clock has already run; make a new one for each trio.run()")
            self._enter(self._renew())
        self.world.begin(seams.runner_here())

    def current_time(self) -> float:
        """Return virtual seconds since the run began."""
        return self._timeline.now

    def deadline_to_sleep_time(self, deadline: float) -> float:  # noqa: ARG002 - trio's signature; the timeline knows the instant itself
        """Let happen what happens when no task can run."""
        return self.world.idle()
