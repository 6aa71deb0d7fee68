"""Several streams as one, in the order in which their items arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from concurrency._streams.pump import ItemStream
from concurrency._streams.sources import Source, check_source

if TYPE_CHECKING:
    from concurrency._streams.base import Stream

__all__ = ["merge_streams"]

T = TypeVar("T")


def merge_streams(*streams: Source[T]) -> Stream[T]:
    """Combine streams into one; items come in the order of their arrival.

    Every source is read in a task of its own, one item ahead at most, so a slow consumer slows
    the sources and a slow source delays no other. First come, first served: none is preferred.
    No source is an empty stream.

    The merged stream ends when all sources have. The first source that fails ends the reading
    of the others; what had arrived before is delivered, then its error as it was raised (several
    at once: a group). On early ``break``, on an error and on cancellation every source is
    cancelled in what it awaits and closed; items read ahead go with it. See ``Stream`` for when.

    Raises:
        TypeError: at once, if an argument cannot be iterated.
    """
    for stream in streams:
        check_source(stream, where="merge_streams()", others=streams)
    return ItemStream(streams, 1, "merge_streams")
