"""Simulated loops for whoever runs loops: ``asyncio.Runner``, AnyIO, a fixture."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from simclock.kernel import DEFAULT_LIMITS, Limits
from simclock.on_asyncio import anyio_seam
from simclock.on_asyncio.loop import SimulatedLoop
from simclock.on_asyncio.seams import new_timeline
from simclock.simulation.assembly import assemble
from simclock.simulation.boundary import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from simclock.schedulers.protocol import Scheduler

__all__ = ["asyncio_backend", "new_event_loop"]

_ANYIO_ON_ASYNCIO = "anyio._backends._asyncio"


def new_event_loop(
    *,
    seed: int = 0,
    scheduler: str | Scheduler = "fifo",
    limits: Limits = DEFAULT_LIMITS,
    epoch: float = EPOCH,
    reorder: str = "tasks",
    stalls: float = 0.0,
) -> SimulatedLoop:
    """Return an event loop in a simulated world of its own, as ``loop_factory`` functions do.

    With the default scheduler everything but time is as on the stock loop: the order of steps
    and callbacks, exceptions and their handlers, debug mode. Time is virtual, starts at 0 and
    moves when nothing can run. What would wait for ever raises
    :class:`~simclock.errors.DeadlockError` out of ``run_until_complete``.

    Only the loop is simulated. The ``time`` and ``random`` modules stay what they are, what a
    program leaves behind gets no verdict, and errors go to the loop's exception handler: all
    that is the work of :func:`simclock.run` and :func:`simclock.explore`.
    """
    if _ANYIO_ON_ASYNCIO in sys.modules:
        # An AnyIO program may come; without AnyIO there are no scopes whose order could vary.
        anyio_seam.install()
        anyio_seam.reset()
    simulation = assemble(
        "asyncio",
        new_timeline(),
        seed=seed,
        scheduler=scheduler,
        limits=limits,
        epoch=epoch,
        reorder=reorder,
        stalls=stalls,
    )
    return SimulatedLoop(simulation)


def asyncio_backend(
    *,
    seed: int = 0,
    scheduler: str | Scheduler = "fifo",
    limits: Limits = DEFAULT_LIMITS,
    epoch: float = EPOCH,
    reorder: str = "tasks",
    stalls: float = 0.0,
) -> tuple[str, dict[str, Callable[[], SimulatedLoop]]]:
    """Return what AnyIO's ``anyio_backend`` fixture takes: tests then run on simulated loops.

    The options are those of :func:`simclock.on_asyncio.new_event_loop`, and so is what is
    simulated. Each test gets a fresh loop, all of them the same seed::

        @pytest.fixture
        def anyio_backend():
            return simclock.asyncio_backend(scheduler="random", seed=7)
    """
    make = partial(
        new_event_loop,
        seed=seed,
        scheduler=scheduler,
        limits=limits,
        epoch=epoch,
        reorder=reorder,
        stalls=stalls,
    )
    # A mistake in the options is told here, where they are written, not in the first test.
    make().close()
    return "asyncio", {"loop_factory": make}
