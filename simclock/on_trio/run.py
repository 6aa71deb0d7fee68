"""One run on trio, from main's first step to the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import trio

from simclock.errors import NestedSimulationError, NeverAwaitedError
from simclock.kernel import MAIN
from simclock.on_trio.clock import SimulatedClock
from simclock.on_trio.deadlines import new_timeline
from simclock.simulation import current
from simclock.simulation.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from simclock.on_trio.world import TrioWorld
    from simclock.simulation.simulation import Simulation

__all__ = ["NAME", "execute", "new_timeline"]

NAME: Final = "trio"


def execute(
    simulation: Simulation,
    main: Callable[..., Coroutine[Any, Any, Any]],
    args: Sequence[Any],
    *,
    unawaited: Sequence[str],
    scoped_lanes: frozenset[int] = frozenset(),
    ends_abruptly: bool = False,
) -> Outcome:
    """Run ``main(*args)`` to its end and judge what it leaves behind.

    ``scoped_lanes`` are those that may be cancelled, each through a scope opened around its
    task; ``unawaited`` is where the caller collects coroutines dropped during the run. With
    ``ends_abruptly`` a limit ends the run before the next step, and nobody unwinds. Never raises
    what the program raises.
    """
    clock = SimulatedClock(simulation)
    world = clock.world
    world.scoped_lanes = scoped_lanes
    world.ends_abruptly = ends_abruptly
    value, raised = None, None
    try:
        _refuse_nesting()
        with world.interrupts:
            value = trio.run(main, *args, clock=clock)
    except BaseException as error:  # noqa: BLE001 - whatever ends the run is its outcome
        raised = error
    failure = _failure(world, raised)
    cancelled = failure is None and _was_cancelled(world)
    if failure is None and unawaited:
        failure = NeverAwaitedError("\n".join(unawaited))
    value = None if failure else value
    return Outcome(simulation, value, failure, cancelled, interrupted=world.interrupts.noted)


def _refuse_nesting() -> None:
    # Here, because trio would wrap whatever its clock raises.
    if current.here() is not None:
        raise NestedSimulationError


def _failure(world: TrioWorld, raised: BaseException | None) -> BaseException | None:
    """Return what the run failed with: the earliest of what went wrong."""
    if world.is_cut_short:
        return world.verdict
    if raised is not None and not world.is_abandoned:
        return raised
    return world.main_error or world.leftover or world.verdict or raised


def _was_cancelled(world: TrioWorld) -> bool:
    """Tell whether main ended by the cancellation that was injected into it."""
    scope = world.driver.scopes.get(MAIN)
    return scope is not None and scope.cancelled_caught
