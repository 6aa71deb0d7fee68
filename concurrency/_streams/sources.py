"""What a stream may read from, and how it is opened and closed."""

from __future__ import annotations

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
)
from typing import Any, TypeAlias, TypeVar, cast, final

from anyio.lowlevel import checkpoint

from concurrency._validation import close_unstarted, describe

__all__ = ["Source", "borrow_stream", "check_source", "close_source", "open_source"]

T = TypeVar("T")

Source: TypeAlias = AsyncIterable[T] | Iterable[T]


def check_source(source: object, *, where: str, others: Iterable[object] = ()) -> None:
    """Refuse what cannot be iterated; a coroutine handed over by mistake is closed.

    Raises:
        TypeError: ``source`` is neither an async iterable nor an iterable, or it is text.
    """
    if isinstance(source, AsyncIterable):
        return
    if isinstance(source, Iterable) and not isinstance(source, (str, bytes, bytearray)):
        return
    close_unstarted([source, *others])
    hint = ""
    if callable(source):
        hint = "; call the generator function: f(), not f"
    elif isinstance(source, (str, bytes, bytearray)):
        hint = "; wrap it in a list, or write iter(text) to read it character by character"
    raise TypeError(f"{where} takes an async iterable or an iterable, not {describe(source)}{hint}")


def open_source(source: Source[T]) -> AsyncIterator[T]:
    """Return the async iterator to pull from; a plain iterable becomes one with checkpoints."""
    if isinstance(source, AsyncIterable):
        return aiter(source)
    return _FromIterable(source)


async def close_source(iterator: object) -> None:
    """Close an iterator that can be closed: whoever pulled from it is through with it."""
    aclose = cast("Callable[[], Any] | None", getattr(iterator, "aclose", None))
    if aclose is not None:
        await aclose()


@final
class _FromIterable(AsyncIterator[T]):
    """A plain iterable as an async iterator that lets others run before every item."""

    def __init__(self, iterable: Iterable[T]) -> None:
        self._iterator = iter(iterable)

    async def __anext__(self) -> T:
        # Before the item is taken: a cancellation here loses nothing.
        await checkpoint()
        try:
            return next(self._iterator)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        close = getattr(self._iterator, "close", None)
        if isinstance(self._iterator, Generator) and close is not None:
            close()


@final
class _Borrowed(AsyncIterator[T]):
    """Pulls pass through; closing does not."""

    def __init__(self, source: Source[T]) -> None:
        self._iterator = open_source(source)

    async def __anext__(self) -> T:
        return await anext(self._iterator)


def borrow_stream(source: Source[T]) -> AsyncIterator[T]:
    """Lend ``source`` to a stream that would otherwise close it.

    Streams own what they read and close it when they end. To read on afterwards, lend it::

        numbers = count()
        head = [n async for n in take_stream(borrow_stream(numbers), 3)]
        rest = numbers  # goes on with the fourth

    The lender closes it. Cancellation is not kept out: an async generator that is cancelled
    while it awaits something is over, whoever pulled.

    Raises:
        TypeError: ``source`` cannot be iterated.
    """
    check_source(source, where="borrow_stream()")
    return _Borrowed(source)
