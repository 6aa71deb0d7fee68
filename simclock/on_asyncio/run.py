"""One run on asyncio, from main's first step to the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from simclock.errors import UsageError
from simclock.on_asyncio import anyio_seam, primitives
from simclock.on_asyncio.ending import cancel_leftovers, judge, tear_down
from simclock.on_asyncio.loop import SimulatedLoop
from simclock.on_asyncio.seams import new_timeline
from simclock.schedules import Kind
from simclock.simulation.outcome import Outcome
from simclock.simulation.simulation import Simulation

__all__ = ["NAME", "execute", "new_timeline"]

NAME: Final = "asyncio"


def execute(
    simulation: Simulation,
    main: Callable[..., Coroutine[Any, Any, Any]],
    args: Sequence[Any],
    *,
    unawaited: Sequence[str],
    scoped_lanes: frozenset[int] = frozenset(),
    ends_abruptly: bool = False,  # noqa: ARG001 - a limit always ends a run at once here
) -> Outcome:
    """Run ``main(*args)`` to its end and judge what it leaves behind.

    ``scoped_lanes`` are those to be cancelled through an AnyIO scope; ``unawaited`` is where the
    caller collects coroutines dropped during the run. Never raises what the program raises.
    """
    _refuse_running_loop()
    primitives.install()
    anyio_seam.install()
    anyio_seam.reset()
    loop = SimulatedLoop(simulation, judged=True)
    loop.scoped_lanes = scoped_lanes
    value, failure, cancelled = None, None, False
    try:
        task = loop.create_task(main(*args))
        try:
            value = loop.run_until_complete(task)
        except BaseException as error:  # noqa: BLE001 - whatever ends the run is its outcome
            failure = error
        cancelled = _was_cancelled(simulation, failure)
        if cancelled:
            failure = None
        simulation.main_done = True
        del task
        uses_anyio = anyio_seam.was_used()
        if failure is None:
            failure = _drain_and_judge(loop, unawaited, cancels=cancelled and not scoped_lanes)
        return Outcome(simulation, value, failure, cancelled, uses_anyio)
    finally:
        tear_down(loop)


def _refuse_running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError(
        "an event loop is already running in this thread, and a simulation brings its own: call "
        "simclock from synchronous code, or in a thread of its own with asyncio.to_thread"
    )


def _was_cancelled(simulation: Simulation, failure: BaseException | None) -> bool:
    """Tell whether main ended by an injected cancellation: its own, or that of who it awaited."""
    injected = any(d.kind is Kind.CANCEL for d in simulation.applied)
    return injected and isinstance(failure, asyncio.CancelledError)


def _drain_and_judge(
    loop: SimulatedLoop, unawaited: Sequence[str], *, cancels: bool
) -> BaseException | None:
    try:
        if cancels:
            cancel_leftovers(loop)
        # What ends at this very instant without being waited for is on its way out, not left.
        loop.drain()
    except BaseException as error:  # noqa: BLE001 - as in execute
        return error
    return judge(loop, unawaited)
