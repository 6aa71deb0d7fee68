"""Streams that change, count or leave out items one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast, final

from concurrency._streams.base import LazyStream, Stream
from concurrency._streams.sources import Source, check_source
from concurrency._validation import check_callable, check_count, is_awaitable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["enumerate_stream", "filter_stream", "map_stream", "skip_stream", "take_stream"]

T = TypeVar("T")
R = TypeVar("R")


@final
class _Taken(LazyStream[T, T]):
    def __init__(self, source: Source[T], count: int) -> None:
        super().__init__(source, "take_stream")
        self._left = count

    async def _pull(self) -> T:
        if self._left == 0:
            raise StopAsyncIteration
        item = await self._next()
        self._left -= 1
        return item


@final
class _Skipped(LazyStream[T, T]):
    def __init__(self, source: Source[T], count: int) -> None:
        super().__init__(source, "skip_stream")
        self._left = count

    async def _pull(self) -> T:
        while self._left > 0:
            await self._next()
            self._left -= 1
        return await self._next()


@final
class _Filtered(LazyStream[T, T]):
    def __init__(self, source: Source[T], predicate: Callable[[T], object]) -> None:
        super().__init__(source, "filter_stream")
        self._predicate = predicate

    async def _pull(self) -> T:
        while True:
            item = await self._next()
            verdict = self._predicate(item)
            if is_awaitable(verdict):
                verdict = await verdict
            if verdict:
                return item


@final
class _Mapped(LazyStream[T, R]):
    def __init__(self, source: Source[T], func: Callable[[T], Awaitable[R] | R]) -> None:
        super().__init__(source, "map_stream")
        self._func = func

    async def _pull(self) -> R:
        result = self._func(await self._next())
        return await result if is_awaitable(result) else cast("R", result)


@final
class _Enumerated(LazyStream[T, tuple[int, T]]):
    def __init__(self, source: Source[T], start: int) -> None:
        super().__init__(source, "enumerate_stream")
        self._number = start

    async def _pull(self) -> tuple[int, T]:
        item = await self._next()
        number = self._number
        self._number += 1
        return number, item


def take_stream(stream: Source[T], n: int) -> Stream[T]:
    """Deliver the first ``n`` items, then close the source; an ``n+1``-th is never pulled.

    To go on reading the source afterwards, lend it with ``borrow_stream``.

    Raises:
        TypeError: at once, if ``stream`` cannot be iterated or ``n`` is not an int.
        ValueError: ``n`` is below 0.
    """
    check_source(stream, where="take_stream()")
    return _Taken(stream, check_count(n, name="take_stream(n=)", minimum=0))


def skip_stream(stream: Source[T], n: int) -> Stream[T]:
    """Pull and drop the first ``n`` items, then deliver the rest.

    Raises:
        TypeError: at once, if ``stream`` cannot be iterated or ``n`` is not an int.
        ValueError: ``n`` is below 0.
    """
    check_source(stream, where="skip_stream()")
    return _Skipped(stream, check_count(n, name="skip_stream(n=)", minimum=0))


def filter_stream(stream: Source[T], pred: Callable[[T], Awaitable[object] | object]) -> Stream[T]:
    """Deliver the items for which ``pred(item)``, sync or async, is true.

    An exception of ``pred`` closes the source and is raised as it is. An item whose async
    ``pred`` is cancelled is not judged again.

    Raises:
        TypeError: at once, if ``stream`` cannot be iterated or ``pred`` not called.
    """
    _check_function(stream, pred, where="filter_stream()")
    return _Filtered(stream, pred)


def map_stream(stream: Source[T], f: Callable[[T], Awaitable[R] | R]) -> Stream[R]:
    """Deliver ``f(item)``, or what awaiting it gives, for every item in order.

    One item at a time, in the consumer's task. An exception of ``f`` closes the source and is
    raised as it is. An item whose async ``f`` is cancelled is not tried again.

    Raises:
        TypeError: at once, if ``stream`` cannot be iterated or ``f`` not called.
    """
    _check_function(stream, f, where="map_stream()")
    return _Mapped(stream, f)


def enumerate_stream(stream: Source[T], start: int = 0) -> Stream[tuple[int, T]]:
    """Deliver ``(number, item)`` pairs, counting from ``start``, which may be negative.

    Raises:
        TypeError: at once, if ``stream`` cannot be iterated or ``start`` is not an int.
    """
    check_source(stream, where="enumerate_stream()")
    if isinstance(start, bool) or not isinstance(start, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"enumerate_stream(start=) must be a whole number, not {start!r}")
    return _Enumerated(stream, start)


def _check_function(stream: object, func: object, *, where: str) -> None:
    check_source(stream, where=where, others=[func])
    check_callable(func, where=where)
