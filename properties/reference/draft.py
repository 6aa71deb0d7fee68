"""One move in the making: a copy of a state, what happens to it, and what is noted meanwhile.

The public methods of :class:`Draft` are the moves; what follows them is what tasks do on their way,
and what happens to scopes, to groups and to locks.
"""

from __future__ import annotations

from typing import Final, final

from properties.reference.dialects import Delivery, Dialect
from properties.reference.flow import MAIN, Extent, Flow, Op, Place
from properties.reference.states import (
    CANCELLED,
    TIMEOUT,
    Move,
    Raised,
    State,
    Task,
    Wait,
    is_cut_short,
    without_cancellation,
)

__all__ = ["Draft"]

# Where a cancellation reaches a task, or a group that waits for its tasks.
_INTERRUPTIBLE: Final = frozenset({Wait.YIELDED, Wait.ASLEEP, Wait.IN_LINE, Wait.WAITING})

# Who hears some time after suspending that it had been cancelled before.
_LATE: Final = {
    Delivery.AT_ONCE: frozenset[Wait](),
    Delivery.BY_THE_LOOP: frozenset({Wait.IN_LINE, Wait.WAITING}),
    Delivery.SHUFFLED: frozenset({Wait.IN_LINE, Wait.WAITING, Wait.YIELDED}),
}

_SUSPENDING: Final = frozenset({Op.CHECKPOINT, Op.SLEEP, Op.ACQUIRE, Op.JOIN})


@final
class Draft:
    """A state that is being changed. Each public method is one kind of move."""

    def __init__(self, flow: Flow, dialect: Dialect, state: State) -> None:
        self._flow = flow
        self._dialect = dialect
        self._now = state.now
        self._tasks = list(state.tasks)
        self._cancelled = state.cancelled
        self._deadlines = state.deadlines
        self._raised = list(state.raised)
        self._lines = list(state.lines)
        self._notes: list[str] = []

    def move(self) -> Move:
        """Return where all this leads."""
        state = State(
            self._now,
            tuple(self._tasks),
            self._cancelled,
            self._deadlines,
            tuple(self._raised),
            tuple(self._lines),
        )
        return Move(state, tuple(self._notes))

    # The moves.

    def run(self, number: int) -> Move:
        """Let a task go on from where it stands to where it suspends or ends."""
        task = self._tasks[number]
        # Whatever it cancels on its way, it is told of when it suspends.
        self._tasks[number] = Task(task.place, Wait.READY)
        self._run(number, task.place, CANCELLED if task.wait is Wait.CANCELLED else None)
        return self.move()

    def tell(self, number: int) -> Move:
        """Let a task hear that it is cancelled where it has suspended."""
        self._tell(number)
        return self.move()

    def reap(self, number: int) -> Move:
        """Let a group hear that one of its tasks has ended."""
        self._reap(number, self._tasks[number].raised)
        return self.move()

    def wake(self, number: int) -> Move:
        """Let a sleep be over."""
        place = self._tasks[number].place
        wait = Wait.YIELDED if self._dialect.sleeper_can_be_late else Wait.READY
        self._tasks[number] = Task(place, wait)
        return self.move()

    def expire(self, extent: Extent) -> Move:
        """Let the deadline of a scope pass."""
        self._cancel(extent)
        return self.move()

    # What tasks do.

    def _run(self, number: int, start: Place, raised: Raised | None) -> None:
        here = start
        while True:
            place = here.next if raised is None else here.handler
            if place is None:
                self._end(number, raised)
                return
            if place.op in _SUSPENDING:
                if self._suspends(number, place, raised):
                    return
            else:
                raised = self._pass(place, raised)
            here = place

    def _suspends(self, number: int, place: Place, raised: Raised | None) -> bool:
        """Do what is done at a place where tasks suspend; tell whether this one does."""
        if place.op is Op.ACQUIRE:
            return self._acquire(number, place)
        if place.op is Op.JOIN:
            self._join(number, place, raised)
        elif place.op is Op.SLEEP and place.nanoseconds > 0:
            self._suspend(number, Task(place, Wait.ASLEEP, self._now + place.nanoseconds))
        else:
            self._suspend(number, Task(place, Wait.YIELDED))
        return True

    def _pass(self, place: Place, raised: Raised | None) -> Raised | None:  # noqa: C901 - a case for each kind of place
        """Do what is done at a place where no task suspends; return what is raised from there."""
        match place.op:
            case Op.FAIL:
                return place.name
            case Op.CANCEL:
                self._cancel(_target(place))
            case Op.ENTER:
                self._enter(_target(place), place.nanoseconds)
            case Op.LEAVE:
                return self._leave(place, raised)
            case Op.PART:
                return self._leave(place, self._take_raised(place.number))
            case Op.START:
                for number in self._flow.tasks_of[place.number]:
                    self._tasks[number] = Task(self._flow.tasks[number].begin, Wait.READY)
            case Op.RELEASE:
                self._release(place.number)
            case Op.CATCH if raised is not None and not is_cut_short(raised):
                self._notes.append(place.name)
                return None
            case Op.CLEAN_UP | Op.END:
                self._notes.append(place.name)
            case _:
                pass
        return raised

    def _suspend(self, number: int, task: Task) -> None:
        self._tasks[number] = task
        if task.wait not in _LATE[self._dialect.delivery] and self.has_to_be_told(number):
            self._tell(number)

    def _end(self, number: int, raised: Raised | None) -> None:
        if self._dialect.delivery is Delivery.AT_ONCE or number == MAIN:
            self._reap(number, raised)
        else:
            place = self._flow.tasks[number].begin
            self._tasks[number] = Task(place, Wait.ENDED, raised=raised)

    # Scopes.

    def has_to_be_told(self, number: int) -> bool:
        """Tell whether a task has suspended in a cancelled scope, and does not know."""
        place, wait, _, _ = self._tasks[number]
        if wait not in _INTERRUPTIBLE or place.extent.reached_by.isdisjoint(self._cancelled):
            return False
        if wait is Wait.WAITING:
            passes_on = "wait" in self._dialect.group_passes_on
            return passes_on and CANCELLED not in self._raised[place.number]
        return True

    def _tell(self, number: int) -> None:
        place, wait, until, _ = self._tasks[number]
        if wait is Wait.WAITING:
            # The wait goes on: no task outlives its group.
            self._add_raised(place.number, CANCELLED)
            return
        if wait is Wait.IN_LINE:
            line = self._lines[place.number]
            self._lines[place.number] = tuple(each for each in line if each != number)
        # The timer of a sleep is taken back by the task itself, when it goes on.
        self._tasks[number] = Task(place, Wait.CANCELLED, until)

    def _enter(self, extent: Extent, nanoseconds: int) -> None:
        if nanoseconds > 0:
            self._deadlines |= {(self._now + nanoseconds, extent)}
        else:
            self._cancelled |= {extent}

    def _cancel(self, extent: Extent) -> None:
        if extent in self._cancelled:
            return
        self._forget_deadline(extent)
        self._cancelled |= {extent}
        for number, task in enumerate(self._tasks):
            if extent in task.place.extent.reached_by and self.has_to_be_told(number):
                self._tell(number)

    def _leave(self, place: Place, raised: Raised | None) -> Raised | None:
        """Leave a scope: it takes its own cancellation out of what was raised."""
        extent = _target(place)
        was_cancelled = extent in self._cancelled
        self._forget_deadline(extent)
        self._cancelled -= {extent}
        if raised is None or not was_cancelled or not extent.outer.isdisjoint(self._cancelled):
            return raised
        rest = without_cancellation(raised)
        return TIMEOUT if rest is None and place.raises else rest

    def _forget_deadline(self, extent: Extent) -> None:
        if any(each is extent for _, each in self._deadlines):
            self._deadlines = frozenset(d for d in self._deadlines if d[1] is not extent)

    # Groups.

    def _join(self, number: int, place: Place, raised: Raised | None) -> None:
        """Wait for the tasks of a group; if its body failed, they are cancelled."""
        if raised is not None:
            self._add_raised(place.number, raised)
            self._cancel(self._flow.extent_of[place.number])
        if self._all_gone(place.number):
            # Even so others may run, and no cancellation comes between.
            self._tasks[number] = Task(place, Wait.READY)
        else:
            self._suspend(number, Task(place, Wait.WAITING))

    def _reap(self, number: int, raised: Raised | None) -> None:
        text = self._flow.tasks[number]
        if text.group is None:
            self._tasks[number] = Task(text.begin, Wait.GONE, raised=raised)
            return
        self._tasks[number] = Task(text.begin, Wait.GONE)
        host = self._flow.host_of[text.group]
        place, wait, _, _ = self._tasks[host]
        if wait is Wait.WAITING and place.number == text.group and self._all_gone(text.group):
            self._tasks[host] = Task(place, Wait.READY)
        if raised is None:
            return
        if raised != CANCELLED or "tasks" in self._dialect.group_passes_on:
            self._add_raised(text.group, raised)
        extent = self._flow.extent_of[text.group]
        if extent.reached_by.isdisjoint(self._cancelled):
            self._cancel(extent)

    def _all_gone(self, group: int) -> bool:
        return all(self._tasks[each].wait is Wait.GONE for each in self._flow.tasks_of[group])

    def _add_raised(self, group: int, raised: Raised) -> None:
        already = self._raised[group]
        if raised != CANCELLED or CANCELLED not in already:
            self._raised[group] = tuple(sorted((*already, raised), key=str))

    def _take_raised(self, group: int) -> Raised | None:
        """Return what a group raises, out of what its body and its tasks did."""
        raised, self._raised[group] = self._raised[group], ()
        failures = tuple(each for each in raised if each != CANCELLED)
        if not failures:
            return CANCELLED if raised else None
        if self._dialect.lone_failure_is_bare and len(failures) == 1:
            return failures[0]
        return failures if self._dialect.failure_beats_cancellation else raised

    # Locks.

    def _acquire(self, number: int, place: Place) -> bool:
        """Take a lock, or stand in line for it; tell whether the task suspends."""
        line = self._lines[place.number]
        is_cancelled = not place.extent.reached_by.isdisjoint(self._cancelled)
        if line:
            self._lines[place.number] = (*line, number)
            self._suspend(number, Task(place, Wait.IN_LINE))
        elif is_cancelled:
            self._tasks[number] = Task(place, Wait.CANCELLED)
        else:
            self._lines[place.number] = (number,)
            self._tasks[number] = Task(place, Wait.READY)
            return self._dialect.free_lock_yields
        return True

    def _release(self, lock: int) -> None:
        """Hand the lock to the first in line, who has it from then on."""
        self._lines[lock] = line = self._lines[lock][1:]
        if line:
            self._tasks[line[0]] = Task(self._tasks[line[0]].place, Wait.READY)


def _target(place: Place) -> Extent:
    assert place.target is not None
    return place.target
