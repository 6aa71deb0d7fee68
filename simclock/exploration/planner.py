"""Which schedule an exploration tries as its n-th, as a pure function of n wherever possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, final

from simclock.exploration.runs import Plan, Runner
from simclock.exploration.sweep import cancellation_sweep, stall_sweep
from simclock.kernel import derive_seed, stream
from simclock.schedulers import Scheduler, SystematicScheduler
from simclock.schedulers.arrivals import Arrivals
from simclock.schedulers.portfolio import Portfolio
from simclock.schedules import Deviation, Kind
from simclock.simulation.outcome import Outcome

__all__ = ["Planner", "SystematicPlanner", "make_planner", "schedule_seed"]

# One portfolio schedule in so many is the calm one with a single stall, at each step in turn:
# few stalls find most bugs of timing, and a random rate rarely makes just one.
_STALL_SWEEP_EVERY: Final = 5
# One schedule in so many is explored without the cancellation that was asked for.
_UNCANCELLED_EVERY: Final = 4
_SEED_BITS: Final = 32


def schedule_seed(seed: int, number: int) -> int:
    """Return the seed of schedule ``number``; the first has the exploration's own."""
    return seed if number == 0 else derive_seed(seed, "schedule", number) >> (63 - _SEED_BITS)


@final
class Planner:
    """Plans for a scheduler or portfolio whose runs don't depend on one another."""

    def __init__(
        self,
        runner: Runner,
        scheduler: Scheduler | Portfolio,
        *,
        cancel: bool | str,
        stalls: float | None,
    ) -> None:
        """Plan for the program of ``runner``, whose calm run is known by now."""
        assert runner.calm is not None
        self._seed = runner.world.seed
        self._scheduler = scheduler
        self._arrivals = runner.world.reorder == "arrivals"
        self._stalls = stalls
        self._cancellations = cancellation_sweep(runner.calm, cancel) if cancel else []
        self._stall_places = stall_sweep(runner.calm)
        self._stall_pending = isinstance(scheduler, Portfolio) and stalls is None

    def plan(self, number: int) -> Plan:
        """Return the plan of schedule ``number``, counting from 0."""
        seed = schedule_seed(self._seed, number)
        if number == 0:
            return Plan(seed, self._wrap(None))
        swept = len(self._cancellations)
        if number <= 2 * swept and number % 2:
            place = self._cancellations[number // 2]
            return Plan(seed, self._wrap(None), (place,), label="cancellation sweep")
        explored = number // 2 if number <= 2 * swept else number - swept
        plan = self._explored(explored, seed)
        if swept and explored % _UNCANCELLED_EVERY:
            plan = self._cancelled(plan)
        return plan

    def _explored(self, number: int, seed: int) -> Plan:
        if not isinstance(self._scheduler, Portfolio):
            name = self._scheduler.name
            return Plan(seed, self._wrap(self._scheduler), (), self._stalls or 0.0, name)
        turn, place = number % _STALL_SWEEP_EVERY, number // _STALL_SWEEP_EVERY
        if turn == 0 and self._stall_pending and place < len(self._stall_places):
            return Plan(seed, self._wrap(None), (self._stall_places[place],), label="stall sweep")
        member = self._scheduler.member(number)
        rate = member.stall_rate if self._stalls is None else self._stalls
        injected: tuple[Deviation, ...] = ()
        if member.collects:
            step = stream(seed, "collection").randrange(1, len(self._stall_places) + 2)
            injected = (Deviation(step, Kind.COLLECT),)
        return Plan(seed, self._wrap(member.scheduler), injected, rate, member.scheduler.name)

    def _cancelled(self, plan: Plan) -> Plan:
        random = stream(plan.seed, "cancellation")
        place = random.choice(self._cancellations)
        # Explored schedules are longer or shorter than the calm one: don't keep to its steps.
        step = max(2, round(place.at * random.uniform(0.7, 1.5)))
        injected = (*plan.injected, replace(place, at=step))
        return replace(plan, injected=tuple(sorted(injected, key=lambda d: d.sort_key)))

    def _wrap(self, scheduler: Scheduler | None) -> Scheduler | None:
        if self._arrivals and scheduler is not None:
            return Arrivals(scheduler)
        return scheduler


@final
class SystematicPlanner:
    """Plans for a scheduler that walks a finite space and knows when it has seen it all.

    With cancellations to sweep, the whole space is walked once without, and then once for each
    step at which a cancellation may land, until a step is reached at which none can.
    """

    def __init__(
        self, runner: Runner, fresh: Callable[[], SystematicScheduler], *, cancel: bool | str
    ) -> None:
        """Plan for the program of ``runner`` with schedulers made by ``fresh``."""
        assert runner.calm is not None
        self._seed = runner.world.seed
        self._fresh = fresh
        self._scheduler = fresh()
        self._arrivals = runner.world.reorder == "arrivals"
        lanes = len(runner.calm.simulation.lanes)
        self._targets = [1] if cancel is True else list(range(2, lanes)) if cancel else []
        self._injected: tuple[Deviation, ...] = ()
        self._hit = False
        self._started = False
        self.exhausted = False

    def plan(self, number: int) -> Plan | None:
        """Return the next plan, or ``None`` when every schedule has been tried."""
        if self._started and not self._scheduler.advance() and not self._next_cancellation():
            self.exhausted = True
            return None
        self._started = True
        scheduler: Scheduler = self._scheduler
        if self._arrivals:
            scheduler = Arrivals(scheduler)
        del number
        return Plan(self._seed, scheduler, self._injected, label=self._scheduler.name)

    def note(self, outcome: Outcome) -> None:
        """Take note of a run, to know when cancellations no longer land."""
        applied = outcome.simulation.applied
        self._hit = self._hit or any(d.kind is Kind.CANCEL for d in applied)

    def _next_cancellation(self) -> bool:
        if not self._targets:
            return False
        if not self._injected:
            self._injected = (Deviation(2, Kind.CANCEL, self._targets[0]),)
        else:
            (last,) = self._injected
            if self._hit:
                self._injected = (replace(last, at=last.at + 1),)
            else:
                place = self._targets.index(last.lane) + 1
                if place == len(self._targets):
                    return False
                self._injected = (Deviation(2, Kind.CANCEL, self._targets[place]),)
        self._hit = False
        self._scheduler = self._fresh()
        return True


def make_planner(
    runner: Runner,
    scheduler: Scheduler | Portfolio,
    fresh: Callable[[], Scheduler | Portfolio],
    *,
    cancel: bool | str,
    stalls: float | None,
) -> Planner | SystematicPlanner:
    """Return the planner that suits ``scheduler``; ``fresh`` makes another one like it."""
    if isinstance(scheduler, SystematicScheduler):

        def another() -> SystematicScheduler:
            made = fresh()
            assert isinstance(made, SystematicScheduler)
            return made

        return SystematicPlanner(runner, another, cancel=cancel)
    return Planner(runner, scheduler, cancel=cancel, stalls=stalls)
