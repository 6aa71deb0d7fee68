"""Single runs of one program, thousands of them: the warm world in which they happen."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, final

from simclock.errors import LivelockError, NestedSimulationError
from simclock.exploration.stopping import InterruptWatch, find_interrupt, keep_lines
from simclock.exploration.world import Main, World, load_backend
from simclock.kernel import DEFAULT_LIMITS, MAIN, stream
from simclock.schedulers.protocol import Profile, Scheduler
from simclock.schedules import Deviation, Kind
from simclock.simulation import current
from simclock.simulation.boundary import begin_run, boundary
from simclock.simulation.outcome import Outcome
from simclock.simulation.simulation import Simulation
from simclock.simulation.stalls import random_stalls
from simclock.simulation.unawaited import listening

__all__ = ["Plan", "Runner"]

# A run that takes this many times the steps of the calm one is a livelock, unless the caller
# set a limit of their own: waiting for a million steps each time would stop the exploration.
_LIVELOCK_FACTOR: Final = 100
_LIVELOCK_STEPS_MIN: Final = 20_000
_RUNS_PER_COLLECTION: Final = 64


class _Turn:
    """Who may hold a world: its clocks, randomness and collector are the whole process's."""

    lock = threading.RLock()

    @classmethod
    def renew(cls) -> None:
        """Forget a holder that a fork left behind."""
        cls.lock = threading.RLock()


# Worker threads inherit it: one of a simulated run that waited for its turn would wait for ever.
_holder: ContextVar[int] = ContextVar("simclock_holder", default=0)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Turn.renew)


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """How one run is to be steered: its seed, who decides, and what is injected where."""

    seed: int
    scheduler: Scheduler | None = None
    injected: tuple[Deviation, ...] = ()
    stall_rate: float = 0.0
    label: str = "calm"


@final
class Runner:
    """Runs one program again and again; a context manager that holds the world around it."""

    def __init__(
        self, main: Main, args: Sequence[Any], world: World, *, warm_up: bool = True
    ) -> None:
        """Run ``main(*args)`` in ``world``; without ``warm_up`` if it is to run just once."""
        self._wants_warm_up = warm_up
        self._main = main
        self._args = tuple(args)
        self.world = world
        self._backend = load_backend(world.backend)
        self._limits = world.limits
        self._unawaited: list[str] = []
        self._stack = ExitStack()
        self._watch = InterruptWatch()
        self._ends_abruptly = False
        self.runs = 0
        self.profile = Profile()
        self.calm: Outcome | None = None
        self.interrupted: tuple[Plan, Outcome] | None = None

    def __enter__(self) -> Runner:
        """Hold the boundary, stop the garbage collector, and warm up."""
        holder = _holder.get()
        if current.here() is not None or holder not in {0, threading.get_ident()}:
            raise NestedSimulationError
        try:
            self._hold_the_world()
            if self._wants_warm_up:
                self._warm_up()
        except BaseException as error:
            # A refusal or an interrupt: nobody will leave a world that was never entered.
            self.__exit__(type(error), error, error.__traceback__)
            raise
        # What exists by now outlives every run: no collection need look at it again.
        gc.freeze()
        self._stack.callback(gc.unfreeze)
        return self

    def _hold_the_world(self) -> None:
        # A second thread waits for the first; within one thread, exploring may nest between runs.
        self._stack.enter_context(_Turn.lock)
        if self._backend.NAME == "asyncio":
            # trio hands interrupts to its main task, if nobody else has taken the signal.
            self._stack.enter_context(self._watch)
        self._stack.callback(_holder.reset, _holder.set(threading.get_ident()))
        self._stack.enter_context(boundary())
        self._stack.enter_context(listening(self._unawaited))
        if gc.isenabled():
            gc.disable()
            self._stack.callback(gc.enable)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give everything back."""
        keep_lines(trace)
        # Runs that were torn down leave coroutines unawaited: nobody else shall hear of them.
        gc.collect()
        self._stack.close()

    def _warm_up(self) -> None:
        # Lazy imports and caches make the first run in a process differ from all others.
        outcome = self.calm = self.run(Plan(self.world.seed))
        simulation = outcome.simulation
        steps_by_lane = {lane.key: 0 for lane in simulation.lanes}
        for entry in simulation.trace.order:
            if entry >= 0:
                steps_by_lane[simulation.lanes[entry].key] += 1
        self.profile = Profile(simulation.taken, simulation.taken, steps_by_lane)
        if self.world.limits.steps == DEFAULT_LIMITS.steps:
            budget = max(_LIVELOCK_STEPS_MIN, _LIVELOCK_FACTOR * simulation.taken)
            if isinstance(outcome.failure, LivelockError):
                # It has taken a million steps once: no need to wait for them in each run.
                budget = _LIVELOCK_STEPS_MIN
            self._limits = replace(self._limits, steps=min(budget, self._limits.steps))

    def run(self, plan: Plan, *, observing: bool = False) -> Outcome:
        """Run once; never raises what the program raises, unless somebody wants out of it all."""
        self.runs += 1
        if self.runs % _RUNS_PER_COLLECTION == 0:
            gc.collect()
        scheduler = plan.scheduler
        if scheduler is not None:
            scheduler.begin(stream(plan.seed, "scheduler"), self.profile)
        simulation = Simulation(
            backend=self.world.backend,
            seed=plan.seed,
            scheduler=scheduler,
            limits=self._limits,
            timeline=self._backend.new_timeline(),
            interventions=_interventions(plan),
            epoch=self.world.epoch,
            observing=observing,
        )
        if any(d.kind is Kind.COLLECT for d in plan.injected):
            # What earlier runs left must not be collected in this one, and be held against it.
            gc.collect()
        begin_run(simulation)
        self._unawaited.clear()
        with current.in_context(simulation):
            outcome = self._backend.execute(
                simulation,
                self._main,
                self._args,
                unawaited=self._unawaited,
                scoped_lanes=self._scoped_lanes(plan.injected),
                ends_abruptly=self._ends_abruptly,
            )
        interrupt = find_interrupt(outcome.failure)
        if self._watch.is_due() and interrupt is None:
            interrupt = KeyboardInterrupt()
        if interrupt is not None:
            self.interrupted = plan, outcome
            raise interrupt
        return _with_promises(outcome)

    def run_until(
        self, step: int, seed: int, scheduler: Scheduler, injected: tuple[Deviation, ...]
    ) -> Outcome:
        """Run once more, after the world was left, and end it before it takes ``step``."""
        self._wants_warm_up, self._ends_abruptly = False, True
        self._limits = replace(self._limits, steps=max(1, step - 1))
        with self:
            return self.run(Plan(seed, scheduler, injected, label="until"))

    def _scoped_lanes(self, injected: Sequence[Deviation]) -> frozenset[int]:
        """Return the lanes to cancel as AnyIO or trio would: through a scope around them."""
        if self.world.backend == "asyncio" and (self.calm is None or not self.calm.uses_anyio):
            return frozenset()
        return frozenset(d.lane for d in injected if d.kind is Kind.CANCEL and d.lane >= MAIN)


def _interventions(plan: Plan) -> Iterator[Deviation]:
    if plan.stall_rate <= 0:
        return iter(plan.injected)
    return random_stalls(stream(plan.seed, "stalls"), plan.stall_rate, plan.injected)


def _with_promises(outcome: Outcome) -> Outcome:
    """Let a broken promise fail a run that would otherwise pass."""
    promises = outcome.simulation.promises
    if promises is None or outcome.failure is not None:
        return outcome
    if not outcome.cancelled:
        promises.check(at_end=True)
    return outcome if promises.broken is None else replace(outcome, failure=promises.broken)
