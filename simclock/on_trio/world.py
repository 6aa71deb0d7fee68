"""One simulated trio run: what happens when nothing can run, and how the run ends."""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, final
from weakref import ref

from simclock.errors import DeadlockError, SimulationError, WallTimeError
from simclock.kernel import CALLBACKS, Lane, from_seconds, short_name
from simclock.on_trio import seams
from simclock.on_trio.deadlines import Deadlines
from simclock.on_trio.describe import describe_deadlock, judge_leftovers
from simclock.on_trio.driver import TrioDriver
from simclock.on_trio.interrupts import InterruptNote
from simclock.on_trio.outside import IOManager, Wakeup, refuse_the_network
from simclock.on_trio.queue import RunQueue
from simclock.on_trio.threads import Jobs
from simclock.simulation import current
from simclock.simulation.outside import Outside

if TYPE_CHECKING:
    from simclock.simulation.simulation import Simulation

__all__ = ["Abandoned", "TrioWorld"]

# What may still happen at main's last instant before the rest counts as left behind.
_DRAIN_STEPS = 1_000
_TEAR_DOWN_STEPS = 10_000
# What has not unwound by then will not: the further rounds are short.
_LAST_STEPS = 1_000
# First main is told of the verdict, then everybody, then everybody again.
_TEAR_DOWN_ROUNDS = 3
# How often to look again before threads that wait are called part of a deadlock.
_LAST_HOPES = 20
_TRIO_THREADS = "Trio thread "


@final
class Abandoned(BaseException):
    """Ends a run whose tasks cannot be ended."""


@final
class TrioWorld:
    """The state of one simulated trio run beside the :class:`Simulation` itself."""

    def __init__(self, simulation: Simulation) -> None:
        """Prepare a run; :meth:`begin` starts it."""
        self.simulation = simulation
        simulation.driver = self.driver = TrioDriver(self)
        if simulation.choose is None:
            # Nothing is ever picked out of turn, and popping the front of a list is slow.
            simulation.ready = deque()  # type: ignore[assignment]
        self.queue = RunQueue(self)
        self.deadlines = Deadlines(self)
        self.interrupts = InterruptNote(simulation)
        self.jobs = Jobs()
        self.outside = Outside(simulation.limits.wall_time, self.jobs.busy)
        self.scoped_lanes: frozenset[int] = frozenset()
        self.runner: Any = None
        self.is_guest = False
        self.waits_outside = False
        self.has_begun = False
        self.verdict: BaseException | None = None
        self.leftover: SimulationError | None = None
        self.main_error: BaseException | None = None
        self.is_cut_short = False
        self.is_judged = False
        self.is_abandoned = False
        self.ends_abruptly = False
        self._real_io: Any = None
        self._wakeup: Any = None
        self._init_lane = Lane(CALLBACKS, "callbacks", None, ())
        self._hears = False
        self._drained_at = 0
        self._rounds = 0
        self._is_calmed = False
        self._host_asked_at = -1
        self._threads = frozenset(threading.enumerate())

    # Becoming trio's.

    def begin(self, runner: Any) -> None:
        """Take over ``runner``, which is about to start."""
        current.enter(self.simulation)
        self.runner = runner
        self.is_guest = runner.is_guest
        self.has_begun = True
        self._real_io = seams.take_over(runner, self)
        refuse_the_network()
        self.interrupts.begin()

    def make_io(self, real: Any) -> IOManager:
        """Return the I/O manager of the run."""
        return IOManager(self, real)

    def make_wakeup(self, real: Any) -> Wakeup:
        """Return what messages wake."""
        self._wakeup = wakeup = Wakeup(self, real)
        return wakeup

    def open_lane(self, task: Any, coro: Any, name: str) -> tuple[Lane, Any]:
        """Open the lane of a new task; return it and the coroutine that the task shall run."""
        simulation = self.simulation
        if self.runner.init_task is None and name == "<init>":
            return self._init_lane, coro
        if seams.is_entry_task(coro):
            return simulation.callbacks_lane, coro
        number = len(simulation.lanes)
        if number in self.scoped_lanes:
            coro = self.driver.under_scope(number, coro)
        parent = seams.current_lane()
        if parent is None or parent is self._init_lane:
            parent = simulation.callbacks_lane
        lane = simulation.add_lane(short_name(name), parent)
        # Never a strong reference: what the program dropped must stay collectable.
        lane.task = ref(task)
        return lane, coro

    def sets_aside(self, lane: Lane) -> bool:
        """Keep trio's own tasks out of the decisions, except for the one that hears threads."""
        if lane is self._init_lane:
            if self.is_judged:
                # All that is left is trio's own end, in the order of the queue.
                return False
            if self.simulation.main_done:
                self.queue.closing = lane.callback
            else:
                self.queue.aside.append(lane.callback)
            return True
        if self._hears:
            return False
        # Its first step only lets it wait for messages.
        self._hears = True
        self.queue.aside.append(lane.callback)
        return True

    # Between batches.

    def wants_trio(self) -> bool:
        """Tell whether trio's loop has to go round before the next batch."""
        if self._wakeup.is_pinged:
            self._wakeup.ring()
        queue = self.queue
        return bool(
            queue.aside
            or queue.closing is not None
            or self.simulation.timeline.is_due()
            or self.is_guest
            or seams.watches_io(self.runner)
        )

    def intervene(self) -> None:
        """Do what is planned before the step now due; a verdict goes to main."""
        try:
            self.simulation.intervene()
        except Abandoned:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, the program's scopes have to unwind
            if self.ends_abruptly:
                self.verdict, self.is_cut_short = error, True
                self._abandon()
            self.fail(error)

    def order_ties(self, scopes: list[Any]) -> list[Any]:
        """Decide the order of ``scopes``, whose deadlines are one instant."""
        try:
            return self.simulation.order_ties(scopes)
        except BaseException as error:  # noqa: BLE001 - a replay that no longer fits ends the run like any verdict
            self.fail(error)
            return scopes

    def hear(self) -> bool:
        """Wake the task that hears messages, if there are any; never waits for them."""
        if self.outside.take() or self._wakeup.is_pinged:
            return bool(self._wakeup.ring())
        return False

    def has_messages(self) -> bool:
        """Tell whether a message has been sent and not been heard."""
        return seams.has_messages(self.runner)

    # Nothing can run.

    def idle(self) -> float:
        """Hear the outside, or let time pass, or call it a deadlock; how long trio may sleep."""
        # Whoever is woken from here on was not just yielding.
        self.queue.stepping = None
        try:
            timeline = self.simulation.timeline
            due = timeline.next_due()
            is_late = due is not None and self.outside.is_flood(timeline.nanoseconds)
            if not is_late and self.hear():
                return 0
            cushion = seams.shortest_cushion(self.runner)
            if cushion < math.inf:
                return self._wait_for_cushion(cushion)
            if self.is_guest:
                return self._idle_as_guest()
            if not is_late and self._hears_outside(is_last_hope=due is None):
                return 0
            if due is None:
                self.fail(DeadlockError(describe_deadlock(self)))
            else:
                self.simulation.move_clock(due)
        except Abandoned:
            raise
        except BaseException as error:  # noqa: BLE001 - as in intervene()
            self.fail(error)
        return 0

    def _wait_for_cushion(self, cushion: float) -> float:
        """Let ``cushion`` seconds pass in which nobody can run, unless somebody can."""
        if cushion > 0:
            timeline = self.simulation.timeline
            due, until = timeline.next_due(), from_seconds(timeline.now + cushion)
            if due is not None and due <= until:
                self.simulation.move_clock(due)
                return 0
            self.simulation.move_clock(until)
        # trio itself wakes those who wait for the rest to be blocked.
        return math.inf

    def _idle_as_guest(self) -> float:
        # The host goes first: it may be about to send work. Only when it has had its turn and
        # sent none does time pass; with no deadline the host is waited for in real time.
        due = self.simulation.timeline.next_due()
        if due is None or self._is_something_outside():
            return math.inf
        if self.hear():
            return 0
        if self._host_asked_at != self.simulation.step:
            self._host_asked_at = self.simulation.step
        else:
            self.simulation.move_clock(due)
        return 0

    def _hears_outside(self, *, is_last_hope: bool) -> bool:
        """Wait for news from outside, if any can come; ``False`` if there is none."""
        if self._is_something_outside() and self._wait_outside(is_last_hope=is_last_hope):
            return True
        # A job that has just ended sent its news before that, and perhaps after the first look.
        return self.hear()

    def _is_something_outside(self) -> bool:
        if self.jobs:
            return True
        if threading.active_count() == 1:
            return False
        here = threading.current_thread()
        return any(
            thread is not here
            and thread not in self._threads
            and not thread.name.startswith(_TRIO_THREADS)
            for thread in threading.enumerate()
        )

    def _wait_outside(self, *, is_last_hope: bool) -> bool:
        """Wait in real time for a message; ``False`` if none can come."""
        if isinstance(self.verdict, WallTimeError):
            return False
        self.outside.jobs = len(self.jobs)
        # A thread that waits may have been told to go on by something that cannot be seen.
        self.waits_outside = True
        try:
            for _ in range(_LAST_HOPES if is_last_hope and self.jobs else 1):
                if self.outside.wait():
                    return bool(self._wakeup.ring())
        finally:
            self.waits_outside = False
        return False

    def force_wakeup(self) -> None:
        """Wake the thread in which a host loop waits for this guest."""
        self._real_io.force_wakeup()

    def let_time_pass(self) -> bool:
        """Move the clock to the next deadline; ``False`` when none is pending."""
        due = self.simulation.timeline.next_due()
        if due is None:
            return False
        self.simulation.move_clock(due, stall=True)
        self.deadlines.expire(self.simulation.now)
        return True

    # The end.

    def task_ended(self, task: Any, error: BaseException | None) -> None:
        """Take note of the end of main."""
        if task is self.runner.main_task:
            self.main_error = error
            self.simulation.main_done = True
            self._drained_at = self.simulation.step + _DRAIN_STEPS

    def is_drained(self) -> bool:
        """Tell whether trio may end the run: what can run at main's last instant has run."""
        simulation = self.simulation
        if self._wakeup.is_pinged:
            self._wakeup.ring()
        if self.queue.ready and simulation.step < self._drained_at:
            return False
        self.is_judged = True
        self.leftover = judge_leftovers(self)
        self.queue.stop_recording()
        self._calm_down()
        return True

    def fail(self, error: BaseException) -> None:
        """Make ``error`` the verdict and raise it in main, then in every task, then give up."""
        if self.verdict is None:
            self.verdict = error
            self.is_cut_short = not self.simulation.main_done
        self._rounds += 1
        self._calm_down()
        tasks = [task for task in seams.tasks_of(self.runner) if task.lane.id != CALLBACKS]
        main = self.runner.main_task
        if self._rounds > _TEAR_DOWN_ROUNDS:
            self._abandon()
        elif self._rounds == 1 and main in tasks:
            tasks = [main]
        for task in tasks:
            seams.deliver(task, self.verdict)

    def _calm_down(self) -> None:
        simulation, taken = self.simulation, self.simulation.taken
        simulation.calm_down(_TEAR_DOWN_STEPS if self._rounds < 2 else _LAST_STEPS)
        self.queue.batch.calm_down()
        if self._is_calmed:
            # The steps of the run itself were counted the first time.
            simulation.taken = taken
        self._is_calmed = True

    def _abandon(self) -> None:
        self.is_abandoned = True
        seams.close_entry_queue(self.runner)
        # The youngest first, as nurseries would; closing one may start another.
        for _ in range(_TEAR_DOWN_ROUNDS):
            for task in reversed(seams.tasks_of(self.runner)):
                seams.abandon(task)
        raise Abandoned

    def closed(self) -> None:
        """End the run, however it came to its end."""
        current.leave()
