"""A program as places linked by where it goes on, and where a failure goes.

No program has a loop, and so each place is come to at most once. What a task has still to do is
then known from the place where it stands: a place is a whole continuation, and costs nothing to
compare.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, final

from properties.strategies.programs import (
    LOCKS,
    CancelGroup,
    Catch,
    Checkpoint,
    CleanUp,
    Fail,
    Group,
    Program,
    Scope,
    Shield,
    Sleep,
    Statement,
    WithLock,
)
from simclock.errors import UsageError
from simclock.kernel import from_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MAIN", "Extent", "Flow", "Op", "Place", "TaskText", "compile_program"]

MAIN: Final = 0
"""The number of the task that runs ``main``."""


class Op(StrEnum):
    """What is done at a place."""

    BEGIN = "begin"
    CHECKPOINT = "checkpoint"
    SLEEP = "sleep"
    FAIL = "fail"
    CANCEL = "cancel"
    ENTER = "enter"
    LEAVE = "leave"
    CATCH = "catch"
    CLEAN_UP = "clean up"
    ACQUIRE = "acquire"
    RELEASE = "release"
    START = "start"
    JOIN = "join"
    PART = "part"
    END = "end"


@final
@dataclass(eq=False, slots=True)
class Extent:
    """The text within one cancel scope. Those within one another form the tree of scopes."""

    number: int
    outer: frozenset[Extent]
    """Whose cancellation is felt here, coming from outside: none, within a shield."""
    reached_by: frozenset[Extent] = frozenset()
    """Whose cancellation is felt here: that of this extent, or one from outside."""

    def __post_init__(self) -> None:
        """Count the extent itself in."""
        self.reached_by = self.outer | {self}


@final
@dataclass(eq=False, slots=True)
class Place:
    """A place in a program. Two places are equal only if they are one.

    ``next`` is where a task goes on; ``handler`` where it goes when something is raised here:
    the end of the innermost block around, or ``None`` where it leaves the task.
    """

    op: Op
    extent: Extent
    handler: Place | None
    name: str = ""
    nanoseconds: int = 0
    raises: bool = False
    number: int = 0
    """Of the lock, or of the group."""
    target: Extent | None = None
    """The extent that is entered, left or cancelled here."""
    next: Place | None = None


@final
@dataclass(eq=False, slots=True)
class TaskText:
    """What is written down for one task: where it begins, and the number of its group."""

    name: str
    begin: Place
    group: int | None


@final
@dataclass(eq=False, slots=True)
class Flow:
    """A compiled program. A group's tasks have the numbers ``tasks_of[group]``."""

    tasks: list[TaskText] = field(default_factory=list[TaskText])
    extents: int = 0
    tasks_of: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])
    host_of: list[int] = field(default_factory=list[int])
    """The task that waits for a group."""
    extent_of: list[Extent] = field(default_factory=list[Extent])
    """The extent of a group."""
    locks: int = LOCKS
    _counts: dict[str, int] = field(default_factory=dict[str, int])

    def name(self, stem: str) -> str:
        """Return the next name of its kind: the same that the program's text has there."""
        self._counts[stem] = number = self._counts.get(stem, 0) + 1
        return f"{stem}{number}"


def compile_program(program: Program) -> Flow:
    """Return the places of ``program``; names are numbered as in its source.

    Raises:
        UsageError: the program takes its locks in an order in which it might deadlock.
    """
    flow = Flow()
    everything = Extent(0, frozenset())
    _Weaver(flow, "main", group=None, around=everything, lock=0).weave_task(program.body)
    return flow


@final
class _Weaver:
    """Links the places of one task, in the order of the text."""

    def __init__(
        self, flow: Flow, name: str, *, group: int | None, around: Extent, lock: int
    ) -> None:
        self._flow = flow
        self._group = group
        self._extent = around
        # The first lock that may be taken here. Who holds one may wait for the tasks of a group:
        # so for those, too, only later ones are left.
        self._lock = lock
        self._handler: Place | None = None
        self._last = begin = Place(Op.BEGIN, around, None)
        self.number = len(flow.tasks)
        flow.tasks.append(TaskText(name, begin, group))

    def weave_task(self, body: Sequence[Statement]) -> None:
        """Link the whole of the task."""
        for statement in body:
            self._weave(statement)
        self._link(self._place(Op.END, name=self._flow.tasks[self.number].name))

    def _place(
        self,
        op: Op,
        *,
        name: str = "",
        nanoseconds: int = 0,
        raises: bool = False,
        number: int = 0,
        target: Extent | None = None,
    ) -> Place:
        return Place(op, self._extent, self._handler, name, nanoseconds, raises, number, target)

    def _link(self, place: Place) -> None:
        self._last.next = place
        self._last = place

    def _block(self, end: Place, body: Sequence[Statement]) -> None:
        """Link ``body`` and its ``end``, which is also where failures of the body go."""
        outer, self._handler = self._handler, end
        for statement in body:
            self._weave(statement)
        self._handler = outer
        self._link(end)

    def _weave(self, statement: Statement) -> None:  # noqa: C901 - a case for each kind of statement
        flow = self._flow
        match statement:
            case Checkpoint():
                self._link(self._place(Op.CHECKPOINT))
            case Sleep(seconds):
                self._link(self._place(Op.SLEEP, nanoseconds=from_seconds(seconds)))
            case Fail():
                self._link(self._place(Op.FAIL, name=flow.name("failure")))
            case CancelGroup():
                self._weave_cancel()
            case Scope(seconds, raises, body):
                self._weave_scope(body, from_seconds(seconds), raises=raises)
            case Shield(body):
                self._weave_scope(body, None)
            case Catch(body):
                self._block(self._place(Op.CATCH, name=flow.name("caught")), body)
            case CleanUp(body):
                self._block(self._place(Op.CLEAN_UP, name=flow.name("cleaned")), body)
            case WithLock(number, body):
                self._weave_lock(number, body)
            case Group(tasks, body):
                self._weave_group(tasks, body)

    def _weave_cancel(self) -> None:
        if self._group is None:
            self._link(self._place(Op.CHECKPOINT))
        else:
            self._link(self._place(Op.CANCEL, target=self._flow.extent_of[self._group]))

    def _weave_lock(self, number: int, body: Sequence[Statement]) -> None:
        if not self._lock <= number < LOCKS:
            raise UsageError(
                f"a program takes locks 0 to {LOCKS - 1}, each within none but earlier ones: here "
                f"lock {number} is taken where {self._lock} is the first that may be"
            )
        outer, self._lock = self._lock, number + 1
        self._link(self._place(Op.ACQUIRE, number=number))
        self._block(self._place(Op.RELEASE, number=number), body)
        self._lock = outer

    def _weave_scope(
        self, body: Sequence[Statement], nanoseconds: int | None, *, raises: bool = False
    ) -> None:
        inner = self._open(shield=nanoseconds is None)
        if nanoseconds is not None:
            self._link(self._place(Op.ENTER, nanoseconds=nanoseconds, target=inner))
        end = self._place(Op.LEAVE, raises=raises, target=inner)
        outer, self._extent = self._extent, inner
        self._block(end, body)
        self._extent = outer

    def _open(self, *, shield: bool = False) -> Extent:
        self._flow.extents += 1
        return Extent(self._flow.extents, frozenset() if shield else self._extent.reached_by)

    def _weave_group(self, tasks: Sequence[Sequence[Statement]], body: Sequence[Statement]) -> None:
        flow, inner = self._flow, self._open()
        number = len(flow.extent_of)
        flow.host_of.append(self.number)
        flow.extent_of.append(inner)
        flow.tasks_of.append(())
        self._link(self._place(Op.START, number=number))
        part = self._place(Op.PART, number=number, target=inner)
        outer = self._extent, self._group
        self._extent, self._group = inner, number
        flow.tasks_of[number] = tuple(self._weave_child(number, task) for task in tasks)
        self._block(self._place(Op.JOIN, number=number), body)
        self._extent, self._group = outer
        self._link(part)

    def _weave_child(self, group: int, body: Sequence[Statement]) -> int:
        name = self._flow.name("task")
        child = _Weaver(self._flow, name, group=group, around=self._extent, lock=self._lock)
        child.weave_task(body)
        return child.number
