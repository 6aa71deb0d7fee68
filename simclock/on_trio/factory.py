"""Simulated clocks for whoever runs trio: ``trio.run``, AnyIO, a fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simclock.kernel import DEFAULT_LIMITS, Limits
from simclock.on_trio.clock import SimulatedClock
from simclock.on_trio.run import new_timeline
from simclock.simulation.assembly import assemble
from simclock.simulation.boundary import EPOCH

if TYPE_CHECKING:
    from simclock.schedulers.protocol import Scheduler
    from simclock.simulation.simulation import Simulation

__all__ = ["new_clock", "trio_backend"]


def new_clock(
    *,
    seed: int = 0,
    scheduler: str | Scheduler = "fifo",
    limits: Limits = DEFAULT_LIMITS,
    epoch: float = EPOCH,
    reorder: str = "tasks",
    stalls: float = 0.0,
) -> SimulatedClock:
    """Return a clock that turns each ``trio.run(main, clock=…)`` into a simulated run.

    Runs that share the clock don't share a world: each begins at 0, with the same seed. Only
    trio itself is simulated. The ``time`` and ``random`` modules stay what they are, and what a
    program leaves behind gets no verdict: that is the work of :func:`simclock.run` and
    :func:`simclock.explore`.
    """

    def make() -> Simulation:
        return assemble(
            "trio",
            new_timeline(),
            seed=seed,
            scheduler=scheduler,
            limits=limits,
            epoch=epoch,
            reorder=reorder,
            stalls=stalls,
        )

    return SimulatedClock(make(), renew=make)


def trio_backend(
    *,
    seed: int = 0,
    scheduler: str | Scheduler = "fifo",
    limits: Limits = DEFAULT_LIMITS,
    epoch: float = EPOCH,
    reorder: str = "tasks",
    stalls: float = 0.0,
) -> tuple[str, dict[str, SimulatedClock]]:
    """Return what AnyIO's ``anyio_backend`` fixture takes: tests then run on simulated trio.

    The options are those of :func:`simclock.on_trio.new_clock`::

        @pytest.fixture
        def anyio_backend():
            return simclock.trio_backend(scheduler="random", seed=7)
    """
    clock = new_clock(
        seed=seed,
        scheduler=scheduler,
        limits=limits,
        epoch=epoch,
        reorder=reorder,
        stalls=stalls,
    )
    return "trio", {"clock": clock}
