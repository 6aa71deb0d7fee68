"""A simulation for a loop or clock that somebody else runs: one world, checked and assembled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from simclock.errors import UsageError
from simclock.kernel import Limits, Timeline, stream
from simclock.schedulers.arrivals import Arrivals
from simclock.schedulers.portfolio import Portfolio
from simclock.schedulers.protocol import Profile, Scheduler
from simclock.schedulers.registry import resolve
from simclock.simulation.simulation import Simulation
from simclock.simulation.stalls import random_stalls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simclock.schedules import Deviation

__all__ = ["assemble", "check_world"]

_REORDER = ("tasks", "arrivals")


def check_world(*, seed: object, limits: object, epoch: object, reorder: object) -> None:
    """Refuse the options of a world that cannot be; the text says what would have been right."""
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise UsageError(f"seed is a whole number >= 0, not {seed!r}")
    if not isinstance(limits, Limits):
        raise UsageError(f"limits is a simclock.Limits, not {limits!r}")
    if reorder not in _REORDER:
        raise UsageError(f"reorder is 'tasks' or 'arrivals', not {reorder!r}")
    if not isinstance(epoch, (int, float)) or not math.isfinite(epoch):
        raise UsageError(f"epoch is a date in seconds since 1970, not {epoch!r}")


def assemble(
    backend: str,
    timeline: Timeline[Any],
    *,
    seed: int,
    scheduler: str | Scheduler,
    limits: Limits,
    epoch: float,
    reorder: str,
    stalls: float,
) -> Simulation:
    """Return a fresh simulation of such a world for ``backend``.

    Equal arguments make equal decisions: an exploration's first schedule with the same seed and
    scheduler takes the same course. A scheduler passed as an object serves one run at a time.
    """
    check_world(seed=seed, limits=limits, epoch=epoch, reorder=reorder)
    if not 0 <= stalls <= 1:
        raise UsageError(f"stalls is a probability from 0 to 1, not {stalls!r}")
    chosen = resolve(scheduler)
    if isinstance(chosen, Portfolio):
        raise UsageError(
            "one loop or clock takes one scheduler; 'portfolio' is many: call simclock.explore()"
        )
    interventions: Iterator[Deviation] = iter(())
    if stalls:
        interventions = random_stalls(stream(seed, "stalls"), stalls, ())
    return Simulation(
        backend=backend,
        seed=seed,
        scheduler=_begin(chosen, seed, reorder),
        limits=limits,
        timeline=timeline,
        interventions=interventions,
        epoch=epoch,
    )


def _begin(chosen: Scheduler, seed: int, reorder: str) -> Scheduler | None:
    # Calm has no scheduler at all: nothing is asked, so the order is the stock loop's.
    if chosen.name == "fifo":
        return None
    scheduler: Scheduler = Arrivals(chosen) if reorder == "arrivals" else chosen
    scheduler.begin(stream(seed, "scheduler"), Profile())
    return scheduler
