"""One task of a group: its life from pending to its end, and the handle that shows it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, final

import anyio
from anyio.lowlevel import checkpoint

from concurrency._outcome import raise_bare, scope_is_cancelled, separate
from concurrency._validation import check_timeout, close_unstarted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine

__all__ = ["Job", "Ledger", "TaskHandle", "TaskState"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class TaskState(StrEnum):
    """Where a task stands. The last three are final."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@final
class Ledger:
    """What a group knows of its tasks: who has not started, who failed, who was cut short."""

    __slots__ = ("cut_short", "failures", "group", "open", "unstarted")

    def __init__(self) -> None:
        self.group: anyio.abc.TaskGroup | None = None
        #: Between entering and leaving, when failures are raised by us. A wrapped group that
        #: somebody else entered raises its tasks' failures itself.
        self.open = False
        self.cut_short = False
        self.failures: list[BaseException] = []
        # A dict for its order.
        self.unstarted: dict[Job[Any], None] = {}

    def fail(self, error: BaseException) -> bool:
        """Take ``error`` over and end the siblings; ``False`` means the task must raise it."""
        if not self.open or self.group is None:
            return False
        self.failures.append(error)
        self.group.cancel_scope.cancel()
        return True

    def take_failures(self) -> list[BaseException]:
        """Hand the failures over, in the order in which they happened."""
        failures, self.failures = self.failures, []
        return failures

    def abandon_unstarted(self) -> bool:
        """Settle the tasks that never made a step; tell whether there were any."""
        orphans = list(self.unstarted)
        self.unstarted.clear()
        for job in orphans:
            job.abandon()
        return bool(orphans)


@final
class Job(Generic[T]):
    """The inside of a task: who runs it, and what has become of it so far."""

    __slots__ = ("_cancel_asked", "_ended", "_runner", "_task", "error", "name", "state", "value")

    def __init__(self, work: Awaitable[T], *, name: str, ledger: Ledger) -> None:
        self.name = name
        self.state = TaskState.PENDING
        self.value: T | None = None
        self.error: BaseException | None = None
        self._cancel_asked = False
        self._ended: anyio.Event | None = None
        self._task: anyio.TaskHandle[None] | None = None
        self._runner: tuple[Coroutine[Any, Any, None], Awaitable[T]] | None = None
        self._runner = (self._run(work, ledger), work)

    def start_in(self, group: anyio.abc.TaskGroup) -> None:
        """Start the task in ``group``; refused, it leaves no coroutine behind."""
        assert self._runner is not None
        try:
            task = group.create_task(self._runner[0], name=self.name)
        except BaseException:
            self.abandon()
            raise
        self._task = task
        # An eager task has made its first step by now, and may have cancelled itself in it.
        if self._cancel_asked:
            task.cancel()

    def abandon(self) -> None:
        """Note that the task never made a step: it was cancelled natively before its first."""
        if self._runner is not None:
            close_unstarted(self._runner)
            self._runner = None
        self._end(TaskState.CANCELLED)

    @property
    def done(self) -> bool:
        """Whether the task has ended, in whichever way."""
        return self.state not in {TaskState.PENDING, TaskState.RUNNING}

    def cancel(self) -> None:
        """Cancel this task alone."""
        if self.done:
            return
        self._cancel_asked = True
        if self._task is not None:
            self._task.cancel()

    async def wait(self) -> None:
        """Wait until the task has ended; a cancelled wait leaves the task alone."""
        if self.done:
            await checkpoint()
            return
        if self._ended is None:
            self._ended = anyio.Event()
        await self._ended.wait()

    async def _run(self, work: Awaitable[T], ledger: Ledger) -> None:
        self._runner = None
        self.state = TaskState.RUNNING
        ledger.unstarted.pop(self, None)
        try:
            self.value = await work
        except GeneratorExit:
            self._end(TaskState.CANCELLED)
            raise
        except BaseException as exc:
            cancellation, self.error = separate(exc)
            if self.error is None:
                self._end(TaskState.CANCELLED)
            else:
                self._end(TaskState.FAILED)
                if not ledger.fail(self.error):
                    raise
            # A native cancellation of this task concerns this task alone, like its handle's
            # cancel(); AnyIO's group would take it for its own and end the siblings too.
            if cancellation is not None and scope_is_cancelled():
                ledger.cut_short = ledger.cut_short or not self._cancel_asked
                raise_bare(cancellation)
        else:
            self._end(TaskState.COMPLETED)

    def _end(self, state: TaskState) -> None:
        self.state = state
        if self._ended is not None:
            self._ended.set()


@final
class TaskHandle(Generic[T_co]):
    """A view on one task of a group, from :meth:`TaskGroup.spawn`.

    The group owns the task: it waits for it and raises its failure, whether or not anybody
    looks at the handle. The handle stays readable after the group, and after the event loop.
    """

    __slots__ = ("__weakref__", "_job")

    def __init__(self, job: Job[T_co]) -> None:
        self._job = job

    @property
    def name(self) -> str:
        """The task's name, as debuggers show it."""
        return self._job.name

    @property
    def state(self) -> TaskState:
        """Where the task stands; ``running`` until it has really ended, cancelled or not."""
        return self._job.state

    @property
    def done(self) -> bool:
        """Whether the task has ended: completed, failed or cancelled."""
        return self._job.done

    def result(self) -> T_co:
        """Return what the task returned, or raise what it raised, as it is.

        Raises:
            anyio.TaskNotFinished: the task has not ended.
            anyio.TaskCancelled: it was cancelled.
        """
        error = self.exception()
        if error is not None:
            raise_bare(error)
        return cast("T_co", self._job.value)

    def exception(self) -> BaseException | None:
        """Return what the task raised, or ``None`` if it completed.

        Raises:
            anyio.TaskNotFinished: the task has not ended.
            anyio.TaskCancelled: it was cancelled.
        """
        if not self.done:
            raise anyio.TaskNotFinished(
                f"task {self.name!r} has not ended; `await handle.wait()` waits for it"
            )
        if self.state is TaskState.CANCELLED:
            raise anyio.TaskCancelled(f"task {self.name!r} was cancelled and has no result")
        return self._job.error

    async def wait(self, *, timeout: float | None = None) -> T_co:
        """Wait for the task's end and return or raise as :meth:`result` does.

        Giving up on the wait (cancelled, or ``timeout`` seconds over) leaves the task running.
        Any number of tasks may wait; a task that waits for its own end waits for ever.

        Raises:
            TimeoutError: the task had not ended after ``timeout`` seconds.
            anyio.TaskCancelled: the task was cancelled.
        """
        seconds = check_timeout(timeout)
        if seconds is None or self.done:
            await self._job.wait()
        else:
            with anyio.move_on_after(seconds):
                await self._job.wait()
            if not self.done:
                raise TimeoutError(f"task {self.name!r} had not ended after {seconds} s")
        return self.result()

    def cancel(self) -> None:
        """Cancel this task alone, at its next checkpoint; without effect once it has ended.

        Its siblings and the group go on. ``await handle.wait()`` tells when it has ended.
        """
        self._job.cancel()

    def __repr__(self) -> str:
        return f"<TaskHandle {self.name!r} {self.state}>"
