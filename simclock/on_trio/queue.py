"""The run queue of a simulated trio run: who can run, and who runs next.

trio's loop copies its run queue into a batch, clears the queue, and steps the tasks of the
batch. Here the batch is made of decisions instead: each ``pop()`` chooses among the lanes that
are ready at that moment. A batch goes on for as many steps as were ready at its start; then
trio's loop looks at messages and deadlines, unless there is nothing for it to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from simclock.simulation.places import place_of

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from simclock.kernel import Lane
    from simclock.on_trio.world import TrioWorld
    from simclock.simulation.simulation import Simulation

__all__ = ["Batch", "RunQueue"]


def _oldest(_ready: list[Lane]) -> int:
    """Choose the lane that has been runnable longest."""
    return 0


def _ignore(_lane: int) -> None:
    """Record nothing."""


class RunQueue:
    """The runnable tasks of one run, by lane.

    ``stepping`` is the lane that took the latest step. The task that trio starts first and ends
    last, and the first step of the one that hears threads, are no decisions: ``aside`` has
    those, to be run before all others, and ``closing`` is set once the first wants to end.
    """

    __slots__ = (
        "aside",
        "batch",
        "closing",
        "make_ready",
        "observed",
        "ready",
        "serials",
        "simulation",
        "stepping",
        "world",
    )

    def __init__(self, world: TrioWorld) -> None:
        """Queue for ``world``."""
        self.world = world
        self.simulation: Simulation = world.simulation
        self.ready = world.simulation.ready
        self.make_ready: Callable[[Lane], None] = self.ready.append
        self.aside: list[Any] = []
        self.closing: Any = None
        self.stepping: Lane | None = None
        self.serials = 0
        self.observed = 0
        self.batch = _make_batch(self)

    def __len__(self) -> int:
        return len(self.ready) + len(self.aside) + (self.closing is not None)

    def __bool__(self) -> bool:
        return bool(self.ready or self.aside or self.closing is not None)

    def next_serial(self) -> int:
        """Return the next of the numbers by which tasks and scopes of this run hash."""
        self.serials += 1
        return self.serials

    def admit(self, lane: Lane) -> None:
        """Make ``lane`` ready because of something that happened."""
        simulation = self.simulation
        simulation.progress += 1
        if not lane.id and self.world.sets_aside(lane):
            return
        simulation.seq = lane.seq = simulation.seq + 1
        self.make_ready(lane)

    def stop_recording(self) -> None:
        """Leave what follows out of the trace: it is trio's end, not the program's."""
        self.batch.record = _ignore

    def clear(self) -> None:
        """Do nothing: a batch takes what it runs off the queue itself."""

    def next_batch(self) -> Any:
        """Return what trio's loop is to run before it looks at messages and deadlines again."""
        if self.aside:
            return [self.aside.pop(0)]
        if self.closing is not None and self.world.is_drained():
            task, self.closing = self.closing, None
            return [task]
        self.batch.begin()
        return self.batch


class Batch:
    """The batch in which trio's loop finds its next steps, each chosen when it is taken."""

    __slots__ = ("choose", "left", "queue", "ready", "record", "simulation", "starved")

    record: Callable[[int], None]
    choose: Callable[[list[Lane]], int]

    def __init__(self, queue: RunQueue) -> None:
        """Take from ``queue``."""
        self.queue = queue
        self.simulation = queue.simulation
        self.ready = queue.ready
        self.record = queue.simulation.trace.order.append
        self.choose = queue.simulation.choose or _oldest
        self.left = 0
        self.starved = 0

    def __bool__(self) -> bool:
        return self.left > 0 or self.goes_on()

    def __len__(self) -> int:
        # Zero, so that pytest-trio's deterministic mode, which shuffles batches, leaves it alone.
        return 0

    def begin(self) -> None:
        """Begin a batch: what is ready now, the lanes that have waited too long first."""
        self.left = left = len(self.ready)
        self.starved = self.simulation.starved() if left > 1 else 0

    def goes_on(self) -> bool:
        """Begin the next batch at once, unless trio's loop has something to look at first."""
        if self.queue.world.wants_trio():
            return False
        self.begin()
        return self.left > 0

    def pop(self) -> Any:
        """Decide who steps next, and return its task."""
        simulation, queue, ready = self.simulation, self.queue, self.ready
        simulation.step = step = simulation.step + 1
        if step >= simulation.due:
            queue.world.intervene()
        self.left -= 1
        if len(ready) == 1:
            lane = ready.pop()
        elif self.starved:
            self.starved -= 1
            lane = ready.pop(0)
        else:
            try:
                chosen = self.choose(ready)
            except BaseException as error:  # noqa: BLE001 - a replay that no longer fits ends the run like any verdict
                queue.world.fail(error)
                chosen = 0
            lane = ready.pop(chosen)
        queue.stepping = lane
        self.record(lane.id)
        task, lane.callback = lane.callback, None
        return task

    def calm_down(self) -> None:
        """Let the oldest go first from now on."""
        self.choose = _oldest

    def sort(self, *, key: object = None) -> None:
        """Do nothing: there is no order yet."""

    def reverse(self) -> None:
        """Do nothing: there is no order yet."""


class DrawnBatch(Batch):
    """A batch in which each ready lane is equally likely to go next: the scheduler only draws."""

    __slots__ = ("draw",)

    def __init__(self, queue: RunQueue, draw: Callable[[], float]) -> None:
        """Take from ``queue`` where ``draw`` points."""
        super().__init__(queue)
        self.draw = draw

    def pop(self) -> Any:
        """Draw who steps next, and return its task."""
        simulation, queue, ready = self.simulation, self.queue, self.ready
        simulation.step = step = simulation.step + 1
        if step >= simulation.due:
            queue.world.intervene()
        self.left -= 1
        count = len(ready)
        if count == 1:
            lane = ready.pop()
        elif self.starved:
            self.starved -= 1
            lane = ready.pop(0)
        else:
            lane = ready.pop(int(self.draw() * count))
        queue.stepping = lane
        self.record(lane.id)
        task, lane.callback = lane.callback, None
        return task

    def calm_down(self) -> None:
        """Point at the oldest from now on."""
        self.draw = float


class CalmBatch(Batch):
    """A batch in which the lane that has waited longest always goes first."""

    __slots__ = ("take_oldest",)

    def __init__(self, queue: RunQueue) -> None:
        """Take from the front of ``queue``, which is a deque when nothing is chosen."""
        super().__init__(queue)
        self.take_oldest = cast("deque[Lane]", queue.ready).popleft

    def begin(self) -> None:
        """Begin a batch: what is ready now."""
        self.left = len(self.ready)

    def pop(self) -> Any:
        """Return the task that has been runnable longest."""
        simulation, queue = self.simulation, self.queue
        simulation.step = step = simulation.step + 1
        if step >= simulation.due:
            queue.world.intervene()
        lane = self.take_oldest()
        self.left -= 1
        queue.stepping = lane
        self.record(lane.id)
        task, lane.callback = lane.callback, None
        return task


class _Observing(Batch):
    """Adds to the detailed trace where each step ended."""

    __slots__ = ()

    def __bool__(self) -> bool:
        # trio asks whether there is more just after each step.
        lane, step = self.queue.stepping, self.simulation.step
        if lane is not None and step > self.queue.observed:
            self.queue.observed = step
            self._observe(lane)
        return super().__bool__()

    def _observe(self, lane: Lane) -> None:
        task = lane.task and lane.task()
        ended = lane.task is not None and (task is None or task.coro.cr_frame is None)
        place = "" if task is None or ended else place_of(task.coro)
        self.simulation.record("step", lane.id, place, "ends" if ended else "")


class _ObservedBatch(_Observing, Batch):
    __slots__ = ()


class _ObservedCalmBatch(_Observing, CalmBatch):
    __slots__ = ()


def _make_batch(queue: RunQueue) -> Batch:
    simulation = queue.simulation
    if simulation.choose is None:
        return _ObservedCalmBatch(queue) if simulation.observing else CalmBatch(queue)
    if simulation.observing:
        return _ObservedBatch(queue)
    return Batch(queue) if simulation.draw is None else DrawnBatch(queue, simulation.draw)
