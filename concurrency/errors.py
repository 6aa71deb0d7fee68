"""What goes wrong, and how cancellation is told apart from it."""

from __future__ import annotations

from typing import TypeVar, final

import anyio
from anyio import get_cancelled_exc_class

from concurrency._shield import shield
from concurrency._validation import describe

__all__ = [
    "BrokenBarrierError",
    "QueueClosed",
    "QueueEmpty",
    "QueueFull",
    "get_cancelled_exc_class",
    "is_cancelled",
    "non_cancel_subgroup",
    "shield",
    "split_cancellation",
]

ExcT = TypeVar("ExcT", bound=BaseException)


class QueueEmpty(anyio.WouldBlock):
    """Nothing can be taken without waiting."""

    def __init__(self, message: str = "the queue is empty; `await queue.get()` would wait") -> None:
        super().__init__(message)


@final
class QueueFull(anyio.WouldBlock):
    """Nothing can be put without waiting."""

    def __init__(self, message: str = "the queue is full; `await queue.put()` would wait") -> None:
        super().__init__(message)


@final
class QueueClosed(QueueEmpty, anyio.EndOfStream, anyio.ClosedResourceError):
    """The queue was closed: nothing can be put, and nothing is left to take.

    It is a :class:`QueueEmpty`, so a worker that drains with ``get_nowait`` stops on it, and both
    of AnyIO's words for the end of a stream.
    """

    def __init__(self, message: str = "the queue is closed and nothing is left in it") -> None:
        super().__init__(message)


@final
class BrokenBarrierError(RuntimeError):
    """A party left the barrier before all had come, so it opens for nobody until ``reset()``."""

    def __init__(
        self, message: str = "a party left the barrier before all had come; reset() mends it"
    ) -> None:
        super().__init__(message)


def is_cancelled(exc: BaseException) -> bool:
    """Tell whether ``exc`` is the running event loop's cancellation.

    Raises:
        TypeError: ``exc`` is not an exception.
        anyio.NoEventLoopError: no event loop runs in this thread.
    """
    if not isinstance(exc, BaseException):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"is_cancelled() takes an exception, not {describe(exc)}")
    return isinstance(exc, get_cancelled_exc_class())


def split_cancellation(
    group: BaseExceptionGroup[ExcT],
) -> tuple[BaseExceptionGroup[ExcT] | None, BaseExceptionGroup[ExcT] | None]:
    """Split ``group`` into its cancellations and the rest, nesting and tracebacks kept.

    Returns ``(cancellations, rest)``; a side with nothing in it is ``None``. Whoever catches a
    group must raise its cancellations again.

    Raises:
        TypeError: ``group`` is not an exception group.
        anyio.NoEventLoopError: no event loop runs in this thread.
    """
    if not isinstance(group, BaseExceptionGroup):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"split_cancellation() takes an exception group, not {describe(group)}")
    cancelled = get_cancelled_exc_class()
    return group.split(lambda exc: isinstance(exc, cancelled))


def non_cancel_subgroup(group: BaseExceptionGroup[ExcT]) -> BaseExceptionGroup[ExcT] | None:
    """Return ``group`` without its cancellations, or ``None`` if nothing else is in it.

    Raises as :func:`split_cancellation` does.
    """
    return split_cancellation(group)[1]
