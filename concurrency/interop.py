"""Bridges between code that awaits and code that blocks, in both directions."""

from __future__ import annotations

from concurrency._interop.adapters import AsyncAdapter, SyncAdapter, async_to_sync, sync_to_async
from concurrency._interop.blocking import block_on, run_async, run_sync
from concurrency._interop.threads import ThreadContext, from_thread
from concurrency.pool import run_in_thread as to_thread
from concurrency.utils import current_time, is_coro_func, sleep

__all__ = [
    "AsyncAdapter",
    "SyncAdapter",
    "ThreadContext",
    "async_to_sync",
    "block_on",
    "current_time",
    "from_thread",
    "is_coro_func",
    "run_async",
    "run_sync",
    "sleep",
    "sync_to_async",
    "to_thread",
]
