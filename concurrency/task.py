"""Task groups: tasks that end before the block that started them does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, cast, final, overload

import anyio
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from concurrency._job import Job, Ledger, TaskHandle, TaskState
from concurrency._outcome import cancelled_error, raise_bare, scope_is_cancelled, separate
from concurrency._scopes import CancelScope
from concurrency._shield import shield
from concurrency._validation import (
    check_callable,
    close_unstarted,
    describe,
    is_awaitable,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from anyio.abc import TaskStatus

__all__ = [
    "CancelScope",
    "TaskGroup",
    "TaskHandle",
    "TaskState",
    "checkpoint",
    "create_task_group",
    "current_task",
    "shield",
]

T = TypeVar("T")
OnTimeout = Literal["raise", "silent"]


@final
class TaskGroup:
    """Tasks that live within one ``async with`` block, and fail and are cancelled as one.

    Leaving the block waits for every task. If the body or a task fails, or the caller is
    cancelled, the remaining tasks are cancelled and waited for, and only then does the block
    end. So no task outlives the block, and no failure is lost:

    * exactly one failure (of a task or of the body) is raised bare, several as one
      ``ExceptionGroup`` in the order in which they happened. With ``strict=True`` it is always
      a group, which is the better habit: ``except ValueError`` around a group that raises bare
      stops working on the day two tasks fail at once; ``except*`` works on both days.
    * a failure beats a cancellation, and a cancellation is otherwise passed on.
    * a deadline of the group's own scope that cut the work short raises ``TimeoutError``, unless
      everything got done in spite of it, or ``cancel_scope.cancel()`` came first, or the group
      was made with ``on_timeout="silent"``.
    * a task cancelled through its handle (or natively, on asyncio) ends alone.

    ``TaskGroup(tg)`` wraps an AnyIO group. If that one is entered already, it goes on owning the
    tasks and raises by its own rules; if not, entering the wrapper enters it.

    Raises:
        TypeError: ``tg`` is not an AnyIO task group.
        ValueError: ``on_timeout`` is neither ``"raise"`` nor ``"silent"``.
    """

    __slots__ = (
        "__weakref__",
        "_entered",
        "_ledger",
        "_on_timeout",
        "_scope",
        "_strict",
    )

    def __init__(
        self,
        tg: anyio.abc.TaskGroup | None = None,
        *,
        strict: bool = False,
        on_timeout: OnTimeout = "raise",
    ) -> None:
        if tg is not None and not isinstance(tg, anyio.abc.TaskGroup):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"TaskGroup() wraps an anyio.abc.TaskGroup, not {describe(tg)}")
        if on_timeout not in {"raise", "silent"}:
            raise ValueError(f'on_timeout must be "raise" or "silent", not {describe(on_timeout)}')
        self._ledger = Ledger()
        self._ledger.group = tg
        self._strict = bool(strict)
        self._on_timeout = on_timeout
        self._entered = False
        self._scope: CancelScope | None = None

    @property
    def cancel_scope(self) -> CancelScope:
        """The scope around the body and all tasks.

        Raises:
            RuntimeError: the group was not entered.
        """
        if self._scope is None:
            inner = self._usable("cancel_scope")
            # On trio an AnyIO group has no scope until it is entered.
            if cast("object", inner.cancel_scope) is None:
                raise RuntimeError(_not_entered("cancel_scope"))
            self._scope = CancelScope.around(inner.cancel_scope)
        return self._scope

    def start_soon(
        self, func: Callable[..., Awaitable[Any]], *args: Any, name: str | None = None
    ) -> None:
        """Start a task that calls ``func(*args)``, and return at once.

        The call itself is made here, the first step later. Tasks start in no promised order.

        Raises:
            RuntimeError: the group was not entered, or has ended.
            TypeError: ``func`` is not an async function.
        """
        self._begin(func, args, name, where="start_soon()")

    @overload
    def spawn(
        self, func: Callable[..., Awaitable[T]], /, *args: Any, name: str | None = None
    ) -> TaskHandle[T]: ...

    @overload
    def spawn(self, func: Awaitable[T], /, *, name: str | None = None) -> TaskHandle[T]: ...

    def spawn(self, func: Any, /, *args: Any, name: str | None = None) -> TaskHandle[Any]:
        """Start a task for ``func(*args)``, or for a coroutine, and return its handle.

        Raises:
            RuntimeError: the group was not entered, or has ended; a coroutine handed over is
                closed.
            TypeError: neither an async function nor an awaitable, or arguments with an
                awaitable.
        """
        if is_awaitable(func):
            if args:
                close_unstarted([func])
                raise TypeError(
                    "spawn() takes arguments only for a function: write spawn(f, x) or spawn(f(x))"
                )
            return TaskHandle(self._begin_work(func, name or _name_of(func), where="spawn()"))
        return TaskHandle(self._begin(func, args, name, where="spawn()"))

    async def start(
        self, func: Callable[..., Awaitable[Any]], *args: Any, name: str | None = None
    ) -> Any:
        """Start ``func(*args, task_status=...)`` and wait until it reports that it is ready.

        Returns what the task hands to ``task_status.started(value)``, ``None`` by default. Until
        then the task belongs to this call: if it fails, the failure is raised here and not by
        the group; if this call is cancelled, so is the task, and it has ended when the
        cancellation is raised. After it, the task belongs to the group.

        Raises:
            RuntimeError: the group was not entered or has ended, or the task returned without
                calling ``task_status.started()``.
            TypeError: ``func`` is not callable.
        """
        check_callable(func, where="start()")
        inner = self._usable("start()")

        async def begin(*, task_status: TaskStatus[Any]) -> None:
            status = _ReadyOnce(task_status)
            try:
                await func(*args, task_status=status)
            except GeneratorExit:
                raise
            except BaseException as exc:
                if not status.ready:
                    raise
                cancellation, failure = separate(exc)
                if failure is not None and not self._ledger.fail(failure):
                    raise
                if cancellation is not None and scope_is_cancelled():
                    self._ledger.cut_short = True
                    raise_bare(cancellation)

        return await inner.start(begin, name=name or _name_of(func))

    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError("a TaskGroup is entered once; make a new one for each block")
        inner = self._ledger.group or anyio.create_task_group()
        await inner.__aenter__()
        self._ledger.group = inner
        self._entered = self._ledger.open = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        ledger, scope = self._ledger, self.cancel_scope
        inner = self._usable("async with")
        cancellation, failure = (None, None) if exc is None else separate(exc)
        if failure is not None:
            ledger.fail(failure)
        ledger.cut_short = ledger.cut_short or cancellation is not None
        swallowed = False
        interruption: BaseException | None = None
        try:
            # Failures are kept from AnyIO's group: which of them are raised, and in which shape,
            # is decided below. A cancellation must reach it, for only the scope can swallow it.
            swallowed = await inner.__aexit__(
                type(cancellation) if cancellation is not None else None, cancellation, tb
            )
        except BaseException as raised:  # noqa: BLE001 - Raised again below, in its place.
            interruption, failure = separate(raised)
            if failure is not None:
                ledger.failures.append(failure)
        ledger.open = False
        # AnyIO ends the whole group with a task that was natively cancelled before its first
        # step. If nobody else asked for the end, that must not look like success.
        if ledger.abandon_unstarted() and not (
            ledger.failures or interruption or scope.cancelled_by_hand or _timed_out(scope)
        ):
            ledger.failures.append(cancelled_error(None))
        if ledger.failures:
            interruption = self._shape(ledger.take_failures())
        if interruption is not None:
            if interruption is exc:
                return False
            raise_bare(interruption)
        if cancellation is not None and not swallowed:
            return False
        if ledger.cut_short:
            await self._tell_what_cut_it_short()
        return swallowed

    async def _tell_what_cut_it_short(self) -> None:
        if self._on_timeout == "raise" and _timed_out(self.cancel_scope):
            raise TimeoutError("the task group's deadline passed before its work was done")
        if scope_is_cancelled():
            # AnyIO on asyncio forgets that a task was cancelled where the body ended later, behind
            # a shield; who comes next would believe that all had been done.
            await checkpoint_if_cancelled()

    def _usable(self, what: str) -> anyio.abc.TaskGroup:
        if self._ledger.group is None:
            raise RuntimeError(_not_entered(what))
        return self._ledger.group

    def _begin(
        self, func: object, args: tuple[Any, ...], name: str | None, *, where: str
    ) -> Job[Any]:
        check_callable(func, where=where)
        self._check_open(where)
        work = cast("Callable[..., object]", func)(*args)
        if not is_awaitable(work):
            raise TypeError(
                f"{where} takes an async function; {_name_of(func)} returned {describe(work)}"
            )
        return self._begin_work(work, name or _name_of(func), where=where)

    def _begin_work(self, work: Awaitable[T], name: str, *, where: str) -> Job[T]:
        try:
            self._check_open(where)
        except RuntimeError:
            close_unstarted([work])
            raise
        job = Job(work, name=name, ledger=self._ledger)
        self._ledger.unstarted[job] = None
        try:
            job.start_in(self._usable(where))
        except BaseException:
            self._ledger.unstarted.pop(job, None)
            raise
        return job

    def _check_open(self, where: str) -> None:
        self._usable(where)
        if self._entered and not self._ledger.open:
            raise RuntimeError(f"{where}: this TaskGroup has ended; make a new one")

    def _shape(self, failures: list[BaseException]) -> BaseException:
        if len(failures) == 1 and not self._strict:
            return failures[0]
        return BaseExceptionGroup("tasks of a group failed", failures)


@final
class _ReadyOnce:
    """A task status that remembers whether the task has reported ready."""

    __slots__ = ("_status", "ready")

    def __init__(self, status: TaskStatus[Any]) -> None:
        self._status = status
        self.ready = False

    def started(self, value: Any = None) -> None:
        """Report ready, with ``value`` for the caller of ``start()``."""
        self._status.started(value)
        self.ready = True


def create_task_group(*, strict: bool = False, on_timeout: OnTimeout = "raise") -> TaskGroup:
    """Return a :class:`TaskGroup`, to be entered with ``async with``."""
    return TaskGroup(strict=strict, on_timeout=on_timeout)


def current_task() -> anyio.TaskInfo | None:
    """Describe the task this is called from; ``None`` outside an event loop or a task."""
    try:
        return anyio.get_current_task()
    except (anyio.NoEventLoopError, TypeError):
        # AnyIO has no word for "in the event loop, but in a plain callback": it stumbles over
        # the missing task with a TypeError.
        return None


def _timed_out(scope: CancelScope) -> bool:
    # The clock is asked as well, because AnyIO cancels a group's scope for reasons of its own.
    return scope.expired and anyio.current_time() >= scope.deadline


def _not_entered(what: str) -> str:
    return f"{what}: this TaskGroup was not entered; write `async with TaskGroup() as tg:`"


def _name_of(func: object) -> str:
    return str(getattr(func, "__qualname__", type(func).__qualname__))
