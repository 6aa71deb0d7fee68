"""Async iterators, combined and controlled; each owns what it reads and cleans up at once.

Every function takes async iterables and plain iterables, refuses wrong arguments at the call,
and returns a ``Stream``.
"""

from __future__ import annotations

from concurrency._streams.base import Stream
from concurrency._streams.batch import batch_stream
from concurrency._streams.buffer import buffer_stream
from concurrency._streams.merge import merge_streams
from concurrency._streams.sources import borrow_stream
from concurrency._streams.throttle import throttle_stream
from concurrency._streams.transform import (
    enumerate_stream,
    filter_stream,
    map_stream,
    skip_stream,
    take_stream,
)

__all__ = [
    "Stream",
    "batch_stream",
    "borrow_stream",
    "buffer_stream",
    "enumerate_stream",
    "filter_stream",
    "map_stream",
    "merge_streams",
    "skip_stream",
    "take_stream",
    "throttle_stream",
]
