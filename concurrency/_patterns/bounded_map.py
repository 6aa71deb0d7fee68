"""Call an async function on each of many items, so many at a time."""

from __future__ import annotations

import math
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast, final, overload

import anyio
from anyio.lowlevel import checkpoint

from concurrency._outcome import Outcome, cancelled_error, raise_failures, separate
from concurrency._patterns.crew import name_of
from concurrency._patterns.window import Window
from concurrency._validation import (
    check_callable,
    check_count,
    close_unstarted,
    describe,
    is_awaitable,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

__all__ = ["bounded_map", "map_async"]

T = TypeVar("T")
R = TypeVar("R")

#: How many items of a plain iterable are read without letting the started tasks run.
READ_AHEAD = 64


@overload
def bounded_map(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int,
    return_exceptions: Literal[False] = ...,
) -> Coroutine[Any, Any, list[R]]: ...


@overload
def bounded_map(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int,
    return_exceptions: bool,
) -> Coroutine[Any, Any, list[R | Exception]]: ...


def bounded_map(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int,
    return_exceptions: bool = False,
) -> Coroutine[Any, Any, list[Any]]:
    """Call ``func(item)`` for each of ``items``, at most ``limit`` at a time; results in order.

    Each call runs in a task of its own. There are never more than ``limit`` of those, and an
    item is read only when there is a place for it, so an endless source is fine. ``items`` is
    read in the caller's task and stays the caller's to close.

    The first failure, of a call or of ``items``, stops the reading and cancels the calls under
    way. When those have ended, whatever was raised comes as one ``ExceptionGroup``, in the order
    of the items; a lone SystemExit or KeyboardInterrupt comes bare. A cancellation of the caller
    does the same, and gives way only to failures.

    With ``return_exceptions=True`` a call's ``Exception`` takes its result's place and stops
    nothing. What is no ``Exception``, a failure of ``items``, and a cancellation of the caller is
    raised all the same.

    Raises:
        TypeError: at the call; ``func`` is not callable, ``items`` not iterable, ``limit`` not a
            whole number.
        ValueError: at the call; ``limit`` is below 1.
    """
    check_count(limit, name="limit", minimum=1)
    _check(func, items, "bounded_map()")
    return _map(func, items, limit, return_exceptions=bool(return_exceptions))


@overload
def map_async(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int | None = ...,
    return_exceptions: Literal[False] = ...,
) -> Coroutine[Any, Any, list[R]]: ...


@overload
def map_async(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int | None = ...,
    return_exceptions: bool,
) -> Coroutine[Any, Any, list[R | Exception]]: ...


def map_async(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    limit: int | None = None,
    return_exceptions: bool = False,
) -> Coroutine[Any, Any, list[Any]]:
    """Do as :func:`bounded_map` does; ``limit=None`` sets no bound on the tasks.

    Raises as :func:`bounded_map` does.
    """
    if limit is not None:
        check_count(limit, name="limit", minimum=1)
    _check(func, items, "map_async()")
    bound = math.inf if limit is None else limit
    return _map(func, items, bound, return_exceptions=bool(return_exceptions))


def _check(func: object, items: object, where: str) -> None:
    check_callable(func, where=where)
    if not isinstance(items, (Iterable, AsyncIterable)):
        close_unstarted([items])
        raise TypeError(f"{where} takes an iterable or async iterable, not {describe(items)}")


async def _map(
    func: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    limit: float,
    *,
    return_exceptions: bool,
) -> list[Any]:
    mapping = _Mapping(func, return_exceptions=return_exceptions)
    try:
        await mapping.run(items, limit)
    finally:
        # A failure beats a cancellation, and must not be lost behind one.
        if mapping.failures:
            raise_failures("mapped calls failed", mapping.failures_in_order())
    return mapping.results


@final
class _Mapping(Generic[T, R]):
    """One call of :func:`bounded_map` under way."""

    def __init__(self, func: Callable[[T], Awaitable[R]], *, return_exceptions: bool) -> None:
        self._func = func
        self._return_exceptions = return_exceptions
        self._scope: anyio.CancelScope | None = None
        self.results: list[Any] = []
        self.failures: dict[int, BaseException] = {}

    async def run(self, items: Iterable[T] | AsyncIterable[T], limit: float) -> None:
        group = anyio.create_task_group()
        window: Window[R] = Window(group, limit, self._ended)
        try:
            async with group:
                self._scope = group.cancel_scope
                try:
                    await self._feed(window, items)
                except BaseException as exc:
                    # The source's own failure counts like a call's.
                    failure = separate(exc)[1]
                    if failure is not None:
                        self._fail(len(self.results), failure)
                    if failure is not exc:
                        raise
        finally:
            unstarted = window.close()
        for index in unstarted:
            self.failures.setdefault(index, cancelled_error(None))

    def failures_in_order(self) -> list[BaseException]:
        return [self.failures[index] for index in sorted(self.failures)]

    async def _feed(self, window: Window[R], items: Iterable[T] | AsyncIterable[T]) -> None:
        name = name_of(self._func)
        async for item in _source(items):
            self.results.append(None)
            window.start(len(self.results) - 1, _call(self._func, item), name=name)
            # Only with a place for it is the next item read.
            await window.wait_place()

    def _ended(self, index: int, outcome: Outcome[R]) -> None:
        if outcome.error is None:
            self.results[index] = outcome.value
        elif self._return_exceptions and isinstance(outcome.error, Exception):
            self.results[index] = outcome.error
        else:
            self._fail(index, outcome.error)

    def _fail(self, index: int, error: BaseException) -> None:
        self.failures[index] = error
        if self._scope is not None:
            self._scope.cancel()


async def _call(func: Callable[[T], Awaitable[R]], item: T) -> R:
    work = func(item)
    if not is_awaitable(work):
        raise TypeError(f"{name_of(func)} must be an async function; it returned {describe(work)}")
    return cast("R", await work)


def _source(items: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    return aiter(items) if isinstance(items, AsyncIterable) else _PlainSource(iter(items))


@final
class _PlainSource(AsyncIterator[T]):
    """A plain iterator as an async one that lets other tasks run now and then."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._read = 0

    async def __anext__(self) -> T:
        self._read += 1
        if self._read % READ_AHEAD == 0:
            await checkpoint()
        try:
            return next(self._items)
        except StopIteration:
            raise StopAsyncIteration from None
