"""One run: the state that both backends drive, and the decisions that steer it.

The backend owns the loop. Before each step it compares its step number with ``due`` and, when
reached, calls :meth:`Simulation.intervene`; then it asks :attr:`Simulation.choose` for one of the
``ready`` lanes. Everything rare (stalls, cancellations, limits, observers) hides behind that one
comparison, so a step with nothing special costs a comparison, a choice and an append.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, cast, final

from simclock.errors import LivelockError
from simclock.kernel import (
    CALLBACKS,
    FAIRNESS_CHOICES,
    FAIRNESS_PER_LANE,
    Event,
    Lane,
    Limits,
    Timeline,
    Trace,
    stream,
)
from simclock.schedulers.protocol import Scheduler, SystematicScheduler
from simclock.schedules import Deviation, Kind
from simclock.simulation.polling import PollWatch

if TYPE_CHECKING:
    from simclock.simulation.body import MainBody
    from simclock.simulation.promises import Promises

__all__ = ["Driver", "Simulation"]

_COLLECTION_STEPS = 50_000
# How often the limits are looked at; small enough to notice a thread's message while polling.
_CHECK_STEPS = 500


class Driver(Protocol):
    """What a simulation asks of the backend that runs it."""

    def stall(self) -> bool:
        """Let time pass to the next timer now; ``False`` when no timer is pending."""
        ...

    def cancel(self, lane: int) -> str | None:
        """Cancel ``lane`` as a timeout around it would; its place, or ``None`` if it is gone."""
        ...

    def is_waiting_outside(self) -> bool:
        """Tell whether something outside, a thread above all, may still bring news."""
        ...

    async def settle(self) -> None:
        """Wait until nothing else can run at this instant."""
        ...

    def place(self, lane: Lane) -> str:
        """Return the file:line where ``lane`` is suspended, or an empty string."""
        ...

    def poll(self) -> None:
        """Take in what arrived from outside the simulation meanwhile, without waiting."""
        ...

    def describe_spinners(self, recent: Sequence[int]) -> str:
        """Return one line for each of the lanes that took the ``recent`` steps."""
        ...


@final
class Simulation:
    """One run of a program in a simulated world."""

    __slots__ = (
        "_callbacks_lane",
        "_interventions",
        "_limits_due",
        "_next",
        "_polls",
        "_streams",
        "_systematic",
        "applied",
        "backend",
        "body",
        "choose",
        "draw",
        "driver",
        "due",
        "epoch",
        "lanes",
        "limits",
        "main_done",
        "observing",
        "progress",
        "promises",
        "ready",
        "scheduler",
        "seed",
        "seq",
        "spawned",
        "step",
        "taken",
        "ties",
        "timeline",
        "trace",
    )

    def __init__(
        self,
        *,
        backend: str,
        seed: int,
        scheduler: Scheduler | None,
        limits: Limits,
        timeline: Timeline[Any],
        interventions: Iterator[Deviation] | None = None,
        epoch: float = 0.0,
        observing: bool = False,
    ) -> None:
        """Assemble a run; ``scheduler=None`` is calm, the order of the stock loop."""
        self.backend = backend
        self.seed = seed
        self.scheduler = scheduler
        self.limits = limits
        self.timeline = timeline
        self.epoch = epoch
        self.observing = observing
        self.trace = Trace()
        self.ready: list[Lane] = []
        self.lanes: list[Lane] = []
        self.applied: list[Deviation] = []
        self.driver: Driver | None = None
        self.promises: Promises | None = None
        self.body: MainBody | None = None
        self.spawned: Callable[[Lane], None] | None = getattr(scheduler, "spawned", None)
        self.main_done = False
        self.taken = 0
        self.seq = 0
        self.step = 0
        self.ties = 0
        self.progress = 0
        self.choose: Callable[[list[Lane]], int] | None = (
            None if scheduler is None else scheduler.pick
        )
        self.draw: Callable[[], float] | None = getattr(scheduler, "uniform_draw", None)
        self._streams: dict[str, Random] = {}
        # Not isinstance(): checking a protocol costs as much as twenty steps.
        self._systematic = cast(
            "SystematicScheduler | None", scheduler if hasattr(scheduler, "wants_stall") else None
        )
        attach = getattr(scheduler, "attach", None)
        if attach is not None:
            attach(self)
        self._interventions = iter(()) if interventions is None else interventions
        self._next = next(self._interventions, None)
        self._polls = PollWatch()
        self._limits_due = min(_CHECK_STEPS, limits.steps + 1)
        self.due = 0
        self._callbacks_lane = self.add_lane("callbacks", None)
        self._plan()

    # What programs see.

    @property
    def now(self) -> float:
        """Virtual seconds since the run began."""
        return self.timeline.now

    def random(self, purpose: str) -> Random:
        """Return the random stream of this run for ``purpose``, seeded by the run's seed."""
        found = self._streams.get(purpose)
        if found is None:
            found = self._streams[purpose] = stream(self.seed, "user", purpose)
        return found

    async def settle(self) -> None:
        """Wait until every other task is blocked; virtual time does not pass meanwhile."""
        assert self.driver is not None
        await self.driver.settle()

    def stall(self, seconds: float) -> None:
        """Let ``seconds`` pass at once, as if the machine were slow: no task runs meanwhile."""
        self.timeline.move_by(seconds)
        self.trace.order.append(-self.timeline.nanoseconds)

    # Lanes.

    @property
    def callbacks_lane(self) -> Lane:
        """The lane that plain callbacks share."""
        return self._callbacks_lane

    def add_lane(self, name: str, parent: Lane | None) -> Lane:
        """Open a new lane, spawned by ``parent``."""
        if parent is None:
            key: tuple[int, ...] = ()
        else:
            key = (*parent.key, parent.children)
            parent.children += 1
        lane = Lane(len(self.lanes), name, parent, key)
        self.lanes.append(lane)
        self.progress += 1
        if self.spawned is not None:
            self.spawned(lane)
        return lane

    # Decisions.

    def starved(self) -> int:
        """Return how many lanes, the oldest ones, have waited longer than fairness allows.

        The backend asks at the start of each batch of steps and lets that many go first, oldest
        first, without a choice. ``seq`` counts how many lanes became runnable, hence about how
        many steps were taken: cheaper than a counter for each lane.
        """
        ready = self.ready
        overdue = self.seq - FAIRNESS_CHOICES - FAIRNESS_PER_LANE * len(ready)
        if ready[0].seq >= overdue:
            return 0
        return sum(lane.seq < overdue for lane in ready)

    def order_ties(self, timers: list[Any]) -> list[Any]:
        """Decide the order of ``timers``, which are due at one instant."""
        scheduler = self.scheduler
        if scheduler is None or len(timers) < 2:
            return timers
        left, ordered = list(timers), list[Any]()
        while len(left) > 1:
            self.ties += 1
            option = scheduler.pick_timer(len(left))
            if option:
                self.applied.append(Deviation(self.ties, Kind.TIE, count=option))
            ordered.append(left.pop(option))
        return ordered + left

    # Interventions.

    def _plan(self) -> None:
        due = self._limits_due
        if self._next is not None and self._next.at < due:
            due = self._next.at
        if self._systematic is not None or (
            self.promises is not None and self.promises.waiting and not self.main_done
        ):
            due = self.step + 1
        self.due = due

    def replan(self) -> None:
        """Look again at when to intervene next, after a promise was added."""
        self._plan()

    def look_around(self) -> None:
        """Look at limits and messages before the next step; callable from every thread."""
        self._limits_due = self.due = 0

    def intervene(self) -> None:
        """Do what is planned before the step now due; the backend has set ``step`` to it."""
        step = self.step
        if step >= self._limits_due:
            self._check_limits()
            self._limits_due = min(step + _CHECK_STEPS, max(self.limits.steps + 1, step + 1))
        if self.promises is not None and not self.main_done:
            self.promises.check()
        while self._next is not None and self._next.at <= step:
            planned, self._next = self._next, next(self._interventions, None)
            if planned.at == step and not self.main_done:
                self._apply(planned)
        systematic = self._systematic
        while (
            systematic is not None
            and self.ready
            and self.timeline.next_due() is not None
            and systematic.wants_stall()
        ):
            self._apply(Deviation(step, Kind.STALL))
        self._plan()

    def _apply(self, planned: Deviation) -> None:
        driver = self.driver
        assert driver is not None
        lane, place = CALLBACKS, ""
        if planned.kind is Kind.STALL:
            count = 0
            while count < planned.count and self.ready and driver.stall():
                count += 1
            if not count:
                return
            planned = Deviation(planned.at, Kind.STALL, count=count)
        elif planned.kind is Kind.COLLECT:
            gc.collect()
        elif planned.kind is Kind.CANCEL:
            lane = planned.lane
            hit = (self.body or driver).cancel(lane)
            if hit is None:
                return
            place = hit
        self._note_applied(planned)
        self.record(planned.kind.name.lower(), lane, place)

    def _note_applied(self, deviation: Deviation) -> None:
        """Remember what took place; stalls before one step are one deviation with their count."""
        last = self.applied[-1] if self.applied else None
        if (
            last is not None
            and deviation.kind is last.kind is Kind.STALL
            and last.at == deviation.at
        ):
            self.applied.pop()
            deviation = replace(last, count=last.count + deviation.count)
        self.applied.append(deviation)

    def _check_limits(self) -> None:
        step, limits = self.step, self.limits
        assert self.driver is not None
        if step % _COLLECTION_STEPS == 0 and not gc.isenabled():
            # At fixed steps rather than when the allocator sees fit: collecting runs finalizers.
            gc.collect()
        self.driver.poll()
        if step > limits.steps:
            recent = [lane for lane in self.trace.order[-1000:] if lane >= 0]
            raise LivelockError(
                f"{limits.steps} steps were taken and main has not ended "
                f"(t={self.timeline.now:g}s, step {step}); the last steps were taken by\n"
                f"{self.driver.describe_spinners(recent)}\n"
                "Raise Limits(steps=…) if the program really needs more."
            )
        self._polls.look(self, self.driver)

    def check_virtual_time(self, instant: int) -> None:
        """Refuse to move the clock past the limit."""
        if instant / 1e9 > self.limits.virtual_time:
            raise LivelockError(
                f"the next timer is due at t={instant / 1e9:g}s, past the limit of "
                f"{self.limits.virtual_time:g} virtual seconds (step {self.step}); "
                "raise Limits(virtual_time=…) if the program really runs that long"
            )

    def calm_down(self, steps: int) -> None:
        """Leave decisions aside and allow ``steps`` more: the world is being torn down.

        ``taken`` keeps how many steps the run itself took.
        """
        self.main_done = True
        self.taken = self.step
        self.scheduler = self._systematic = None
        self.choose = self.choose and (lambda _ready: 0)
        self.draw = None
        self.limits = Limits(steps=self.step + steps, wall_time=self.limits.wall_time)
        self._interventions, self._next = iter(()), None
        self.observing = False
        self._limits_due = self.step + _CHECK_STEPS
        self._plan()

    # Recording.

    def record(self, kind: str, lane: int, place: str, note: str = "") -> None:
        """Add an event to the detailed trace of an observed run."""
        if self.observing:
            name = self.lanes[lane].name if lane else ""
            at = self.timeline.nanoseconds
            self.trace.events.append(Event(self.step, at, kind, lane, name, place, note))

    def move_clock(self, instant: int, *, stall: bool = False) -> None:
        """Move the clock to ``instant`` and put the move into the trace."""
        if instant > self.timeline.nanoseconds:
            self.check_virtual_time(instant)
            self.timeline.move_to(instant)
            self.trace.order.append(-instant)
            if not stall:
                self.record("time", CALLBACKS, "")

    def names(self) -> list[str]:
        """Return a name for each lane, unique among them, as in ``worker`` and ``worker-2``."""
        used: dict[str, int] = {}
        unique: list[str] = []
        for lane in self.lanes:
            used[lane.name] = count = used.get(lane.name, 0) + 1
            unique.append(lane.name if count == 1 else f"{lane.name}-{count}")
        return unique
