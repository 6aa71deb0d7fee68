"""An exploration that was interrupted in the middle of a run: which schedule it was, so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simclock.errors import SimulationError
from simclock.exploration.recording import injections
from simclock.exploration.stopping import Stop
from simclock.schedulers import FollowScheduler
from simclock.schedules import Deviation, Kind, Schedule

if TYPE_CHECKING:
    from simclock.exploration.runs import Runner

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
    if not isinstance(interrupt, Stop) or not interrupt.step:
        # An interrupt from outside doesn't know its step, and the trace has gone on since.
        interrupt.add_note(f"{where}, seed {plan.seed}.")
        return
    step, simulation = interrupt.step, outcome.simulation
    order = [lane for lane in simulation.trace.order if lane >= 0][:step]
    name = simulation.names()[order[-1]]
    lines = [f"{where}: at step {step} `{name}` was running (t={interrupt.now:g}s)."]
    follow = FollowScheduler(order, simulation.applied)
    injected = injections(tuple(simulation.applied))
    # What the interrupted step does must not be done again: it may never end.
    again = runner.run_until(step, plan.seed, follow, injected)
    if isinstance(again.failure, SimulationError):
        ties = [d for d in simulation.applied if d.kind is Kind.TIE]
        last = Deviation(step, Kind.RUN, order[-1])
        schedule = Schedule(
            runner.world.backend, plan.seed, (*follow.deviations, *ties, *injected, last)
        )
        lines.append(f"replay: {command(schedule)}")
    interrupt.add_note("\n".join(lines))
