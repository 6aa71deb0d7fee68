"""One call in a worker thread, waited for to its end or knowingly abandoned.

AnyIO's ``to_thread.run_sync`` keeps cancelled scopes out while the thread works. A native
cancellation on asyncio goes through: the caller leaves, its token is given back although the
thread works on, and what the function returns or raises is dropped. Here the call itself knows
how far it got, so that none of this depends on who cancels.
"""

from __future__ import annotations

import logging
import threading
from contextvars import ContextVar, copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, final

import anyio
import anyio.to_thread
from anyio.lowlevel import current_token

from concurrency._loop import call_in_loop
from concurrency._outcome import raise_bare
from concurrency._pools.carried import apply_changes, changes_since
from concurrency._pools.functions import function_name
from concurrency._settle import settle
from concurrency._validation import close_unstarted
from concurrency.resource_tracker import track_resource, untrack_resource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from concurrency._pools.limits import Limiter

__all__ = ["ThreadCall", "call_in_thread"]

_logger = logging.getLogger("concurrency.pool")

T = TypeVar("T")


@final
class ThreadCall(Generic[T]):
    """A function on its way through a worker thread.

    Exactly one of three things becomes of it: it is withdrawn before it began, it ends while
    somebody waits, or it is abandoned and ends later. The lock decides between the threads, and
    is only ever held for an instant.
    """

    def __init__(
        self, func: Callable[..., T], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        self._func = func
        self._args = args
        self._kwargs = kwargs
        self._lock = threading.Lock()
        self._began = False
        self._over = False
        self._at_end: Callable[[], object] | None = None
        self._value: T | None = None
        self._error: BaseException | None = None
        self._changes: list[tuple[ContextVar[Any], Any]] = []

    @property
    def name(self) -> str:
        """The name of the function that is called."""
        return function_name(self._func)

    def run(self) -> None:
        """Call the function; in the worker thread. Never raises, never returns a coroutine."""
        with self._lock:
            if self._over:
                return
            self._began = True
        # Taken here, where AnyIO has reset the variable that names the async library: carrying
        # that one back would tell the caller that it runs in no event loop.
        before = copy_context()
        try:
            self._value = self._func(*self._args, **self._kwargs)
        except BaseException as exc:  # noqa: BLE001 - Raised in the caller, whatever it is.
            self._error = exc
        self._changes = changes_since(before)
        with self._lock:
            self._over = True
            at_end = self._at_end
        if at_end is not None:
            at_end()

    def withdraw(self) -> bool:
        """Keep the call from beginning; ``False`` if it has begun."""
        with self._lock:
            if not self._began:
                self._over = True
            return not self._began

    def at_end(self, notify: Callable[[], object]) -> bool:
        """Have ``notify`` called in the worker thread at the end; ``False`` if that is past."""
        with self._lock:
            if not self._over:
                self._at_end = notify
            return not self._over

    def discard(self) -> None:
        """Drop the result unread; a coroutine among such results would warn."""
        close_unstarted([self._value])

    @property
    def error(self) -> BaseException | None:
        """What the function raised, once it has ended."""
        return self._error

    def unwrap(self) -> T:
        """Return or raise what the function did, with the context variables it set."""
        apply_changes(self._changes)
        if self._error is not None:
            raise_bare(self._error)
        return cast("T", self._value)


async def call_in_thread(
    call: ThreadCall[T], limiter: Limiter, *, abandon_on_cancel: bool = False
) -> T:
    """Run ``call`` in a worker thread while holding a token of ``limiter``.

    Cancelled while it waits for the token, the call never begins. Cancelled later, it is waited
    for, since a thread cannot be stopped: a scope's cancellation then leaves the result to the
    caller and is felt at its next checkpoint, a native one is raised in place of the result. With
    ``abandon_on_cancel`` the caller leaves at once; the thread keeps its token until it ends, and
    is logged, and tracked as a leak until then.
    """
    await limiter.acquire_on_behalf_of(call)
    held = True
    try:
        # AnyIO's own limit would give its token back too early; ours counts.
        unlimited = anyio.CapacityLimiter(1)
        try:
            await anyio.to_thread.run_sync(
                call.run, abandon_on_cancel=abandon_on_cancel, limiter=unlimited
            )
        except anyio.get_cancelled_exc_class() as cancellation:
            if not call.withdraw():
                if abandon_on_cancel:
                    held = not _abandon(call, limiter)
                else:
                    await _wait_end(call)
                    _report_error(call, cancellation)
            raise
    finally:
        if held:
            limiter.release_on_behalf_of(call)
    return call.unwrap()


async def _wait_end(call: ThreadCall[Any]) -> None:
    ended = anyio.Event()
    token = current_token()
    if call.at_end(partial(call_in_loop, token, ended.set)):
        # A second native cancellation adds nothing to the first, which is about to be raised.
        await settle(ended)


def _abandon(call: ThreadCall[Any], limiter: Limiter) -> bool:
    """Leave the thread and its token to each other; ``False`` if it ended just now."""
    token = current_token()

    def notify() -> None:
        untrack_resource(call)
        call.discard()
        if call.error is not None:
            _logger.error("abandoned call of %s failed unheard", call.name, exc_info=call.error)
        # Not waited for: the loop may be about to end, and nobody then needs the token.
        call_in_loop(token, partial(limiter.release_on_behalf_of, call))

    track_resource(call, name=call.name, kind="thread")
    if not call.at_end(notify):
        untrack_resource(call)
        return False
    _logger.warning("cancelled while %s ran: its thread is abandoned and runs on", call.name)
    return True


def _report_error(call: ThreadCall[Any], cancellation: BaseException) -> None:
    """Keep the function's error with the cancellation that takes its place."""
    call.discard()
    if call.error is not None and call.error is not cancellation:
        cancellation.add_note(f"meanwhile {call.name} raised {call.error!r}")
        _logger.error(
            "%s failed in its thread after its caller was cancelled", call.name, exc_info=call.error
        )
