"""An exploration that was interrupted in the middle of a run: which schedule it was, so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from simclock.errors import SimulationError
from simclock.exploration.recording import injections
from simclock.exploration.stopping import Stop
from simclock.schedulers import FollowScheduler
from simclock.schedules import Deviation, Kind, Schedule

if TYPE_CHECKING:
    from simclock.exploration.runs import Plan, Runner

__all__ = ["tell_interrupt"]


def tell_interrupt(
    runner: Runner,
    interrupt: KeyboardInterrupt,
    schedules_run: int,
    command: Callable[[Schedule], str],
) -> None:
    """Add to ``interrupt`` the schedule of the run that it hit, up to the step that it hit."""
    if isinstance(interrupt, Stop) and not interrupt.tells:
        return
    if runner.interrupted is None:
        interrupt.add_note(
            f"simclock: interrupted between two runs, after {schedules_run} schedules."
        )
        return
    plan, outcome = runner.interrupted
    runner.interrupted = None
    where = f"simclock: interrupted after {schedules_run} schedules, in one of {plan.label}"
    simulation = outcome.simulation
    step, now = simulation.taken, simulation.now
    if outcome.interrupted is not None:
        step, now = outcome.interrupted
    if isinstance(interrupt, Stop) and interrupt.step:
        step, now = interrupt.step, interrupt.now
    order = [lane for lane in simulation.trace.order if lane >= 0][:step]
    if not order:
        interrupt.add_note(f"{where}, seed {plan.seed}, before its first step.")
        return
    name = simulation.names()[order[-1]]
    lines = [f"{where}, seed {plan.seed}: at step {step} `{name}` was running (t={now:g}s)."]
    deviations = _deviations(runner, plan, order, simulation.applied)
    if deviations is not None:
        schedule = Schedule(runner.world.backend, plan.seed, deviations)
        lines.append(f"replay: {command(schedule)}")
    interrupt.add_note("\n".join(lines))


def _deviations(
    runner: Runner, plan: Plan, order: Sequence[int], applied: Sequence[Deviation]
) -> tuple[Deviation, ...] | None:
    """Return how the interrupted run deviated from calm, or ``None`` if that cannot be known."""
    injected = injections(tuple(applied))
    known = (*[d for d in applied if d.kind is Kind.TIE], *injected)
    if plan.scheduler is None:
        return known
    follow = FollowScheduler(order, applied)
    again = runner.run_until(len(order), plan.seed, follow, injected)
    if not isinstance(again.failure, SimulationError):
        return None
    # The last step was not taken this time. Choosing its lane is right even if it is the oldest.
    return (*follow.deviations, *known, Deviation(len(order), Kind.RUN, order[-1]))
