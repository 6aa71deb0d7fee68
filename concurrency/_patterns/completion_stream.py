"""Run awaitables side by side and hand their results out as they come."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Generic, Self, TypeVar, cast, final

import anyio
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from concurrency._outcome import Outcome, raise_bare, raise_failures, separate
from concurrency._patterns.crew import name_of
from concurrency._patterns.window import Window
from concurrency._validation import (
    check_awaitables,
    check_count,
    close_unstarted,
    describe,
)
from concurrency.task import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from types import TracebackType

    from concurrency.task import TaskHandle

__all__ = ["CompletionStream"]

T = TypeVar("T")


@final
class CompletionStream(AsyncIterator[tuple[int, T]], Generic[T]):
    """Awaitables run side by side, at most ``limit`` at a time, and their results as they come.

    ::

        async with CompletionStream(aws, limit=10) as stream:
            async for index, result in stream:
                ...

    Each runs in a task of its own; results come in the order in which they completed, with the
    place of their awaitable. Leaving the ``async with``, early or not, cancels what still runs
    and waits for it, and closes what has not started: the block ends with nothing left over.

    The first failure cancels the rest. Results that were complete by then are handed out first;
    then the iteration raises whatever was raised as one ``ExceptionGroup``, in the order of the
    awaitables (a lone SystemExit or KeyboardInterrupt bare). Failures nobody iterated to are
    raised on leaving. With ``return_exceptions=True`` an ``Exception`` is handed out as a result
    and cancels nothing.

    A cancellation of the caller is felt in the block, cancels everything, and gives way only to
    failures.

    Raises:
        TypeError: ``aws`` is not an iterable of awaitables, or ``limit`` not a whole number.
        ValueError: ``limit`` is below 1, or a coroutine stands twice. Every coroutine is closed
            on refusal.
    """

    def __init__(
        self,
        aws: Iterable[Awaitable[T]],
        *,
        limit: int | None = None,
        return_exceptions: bool = False,
    ) -> None:
        _check_iterable(aws)
        self._aws: deque[tuple[int, Awaitable[T]]] = deque(enumerate(aws))
        handed_over = [aw for _, aw in self._aws]
        check_awaitables(handed_over, where="CompletionStream")
        try:
            self._limit = math.inf if limit is None else check_count(limit, name="limit", minimum=1)
        except (TypeError, ValueError):
            close_unstarted(handed_over)
            raise
        self._return_exceptions = bool(return_exceptions)
        self._ready: deque[tuple[int, T]] = deque()
        self._failures: dict[int, BaseException] = {}
        self._news: anyio.Event | None = None
        self._over = False
        self._group: TaskGroup | None = None
        self._supervisor: TaskHandle[None] | None = None

    async def __aenter__(self) -> Self:
        if self._group is not None:
            raise RuntimeError("a CompletionStream is entered once; make a new one for each block")
        group = TaskGroup()
        await group.__aenter__()
        self._group = group
        self._supervisor = group.spawn(self._supervise, name="CompletionStream")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> bool:
        if self._group is None:
            raise RuntimeError(_NOT_ENTERED)
        self._stop()
        swallowed = False
        raised: BaseException | None = None
        try:
            swallowed = await self._group.__aexit__(exc_type, exc, tb)
        except BaseException as error:  # noqa: BLE001 - Raised below, with the failures.
            raised = error
        finally:
            self._over = True
            self._announce()
            close_unstarted(aw for _, aw in self._aws)
            self._aws.clear()
        if raised is None and not swallowed:
            raised = exc
        if failures := self._take_failures():
            if raised is not None and (beside := separate(raised)[1]) is not None:
                failures.insert(0, beside)
            raise_failures(_MESSAGE, failures)
        if raised is not None and raised is not exc:
            raise_bare(raised)
        return swallowed

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[int, T]:
        """Wait for the next result. Always a checkpoint; cancelled, it leaves the result here.

        Raises:
            RuntimeError: the stream was not entered.
            StopAsyncIteration: all results were handed out, or the block was left.
        """
        if self._group is None:
            raise RuntimeError(_NOT_ENTERED)
        while not self._ready:
            if self._over:
                if failures := self._take_failures():
                    raise_failures(_MESSAGE, failures)
                # A cancellation from outside may have reached the tasks first: an end without
                # all results would pass for one with them. AnyIO's plain checkpoint may come
                # before the delivery on asyncio; this one waits for it.
                await checkpoint_if_cancelled()
                await checkpoint()
                raise StopAsyncIteration
            if self._news is None:
                self._news = anyio.Event()
            await self._news.wait()
        result = self._ready.popleft()
        try:
            await checkpoint()
        except BaseException:
            self._ready.appendleft(result)
            raise
        return result

    async def _supervise(self) -> None:
        """Start the tasks as places become free. Cancelling this cancels them all."""
        group = anyio.create_task_group()
        window = Window(group, self._limit, self._ended)
        try:
            async with group:
                while self._aws:
                    await window.wait_place()
                    index, aw = self._aws.popleft()
                    window.start(index, aw, name=name_of(aw))
        finally:
            window.close()
            self._over = True
            self._announce()

    def _ended(self, index: int, outcome: Outcome[T]) -> None:
        if outcome.error is None:
            self._ready.append((index, outcome.value))
        elif self._return_exceptions and isinstance(outcome.error, Exception):
            self._ready.append((index, cast("T", outcome.error)))
        else:
            self._failures[index] = outcome.error
            self._stop()
        self._announce()

    def _stop(self) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()

    def _announce(self) -> None:
        if self._news is not None:
            self._news.set()
            self._news = None

    def _take_failures(self) -> list[BaseException]:
        failures, self._failures = self._failures, {}
        return [failures[index] for index in sorted(failures)]


def _check_iterable(aws: object) -> None:
    if isinstance(aws, Iterable):
        return
    close_unstarted([aws])
    raise TypeError(
        f"CompletionStream takes an iterable of awaitables, not {describe(aws)}: "
        "write CompletionStream([f(), g()])"
    )


_MESSAGE = "streamed awaitables failed"
_NOT_ENTERED = (
    "a CompletionStream runs inside its block: write "
    "`async with CompletionStream(aws) as stream: async for index, result in stream: ...`"
)
