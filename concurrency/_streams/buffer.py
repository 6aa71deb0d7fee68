"""Items fetched before they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from concurrency._streams.pump import ItemStream
from concurrency._streams.sources import Source, check_source
from concurrency._validation import check_count

if TYPE_CHECKING:
    from concurrency._streams.base import Stream

__all__ = ["buffer_stream"]

T = TypeVar("T")


def buffer_stream(stream: Source[T], maxsize: int = 10) -> Stream[T]:
    """Read up to ``maxsize`` items ahead, so that a slow source works while the consumer does.

    Order is kept, any item may be ``None``, and never more than ``maxsize`` items wait. Reading
    begins with the first pull, or on entering ``async with``. An error of the source comes after
    the items that preceded it. Leaving early cancels and closes the source; items read ahead
    are dropped.

    Raises:
        TypeError: at once, if ``stream`` cannot be iterated or ``maxsize`` is not an int.
        ValueError: ``maxsize`` is below 1.
    """
    check_source(stream, where="buffer_stream()")
    room = check_count(maxsize, name="buffer_stream(maxsize=)", minimum=1)
    return ItemStream([stream], room, "buffer_stream")
