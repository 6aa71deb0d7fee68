"""Ending in order when the operating system asks for it."""

from __future__ import annotations

import math
import signal
from typing import TYPE_CHECKING, Self, final

import anyio

from concurrency._validation import check_duration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractContextManager
    from types import TracebackType

    from anyio.abc import TaskGroup

__all__ = ["GracefulShutdown"]


@final
class GracefulShutdown:
    """Turns SIGTERM and SIGINT, or the ``signals`` given, into a request the block can heed.

    ::

        async with GracefulShutdown(grace=30) as shutdown:
            while not shutdown.shutdown_requested:
                await work_on_next_batch()

    The first signal, or ``request()``, asks: ``shutdown_requested`` turns true and ``wait()``
    returns. The block goes on; with ``grace`` it is cancelled that many seconds later. A second
    signal cancels it at once. A block cancelled for these reasons is left without an exception,
    and ``forced`` tells.

    Signals are taken from the moment the block is entered until it is left; then the handlers
    that stood before are restored. That works in the main thread only, and not for signals
    another part of the program receives in the same asyncio loop. A cancellation from outside
    passes through the block like any other.

    Raises:
        TypeError: ``grace`` is not a number, or a signal is not one.
        ValueError: ``grace`` is negative or NaN.
    """

    def __init__(self, *signals: signal.Signals, grace: float | None = None) -> None:
        for each in signals:
            if not isinstance(each, signal.Signals):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(
                    f"GracefulShutdown() takes signals, as in signal.SIGTERM, not {each!r}"
                )
        self._signals = signals or (signal.SIGTERM, signal.SIGINT)
        self._grace = (
            math.inf if grace is None else check_duration(grace, name="GracefulShutdown(grace=)")
        )
        self._requested = anyio.Event()
        self._received: list[signal.Signals] = []
        self._scope: anyio.CancelScope | None = None
        self._group: TaskGroup | None = None
        self._receiver: AbstractContextManager[AsyncIterator[signal.Signals]] | None = None
        self._handlers_before: dict[signal.Signals, object] = {}

    @property
    def shutdown_requested(self) -> bool:
        """Whether the block should come to its end."""
        return self._requested.is_set()

    @property
    def received(self) -> tuple[signal.Signals, ...]:
        """The signals received so far, oldest first."""
        return tuple(self._received)

    @property
    def forced(self) -> bool:
        """Whether the block was cancelled: the grace was over, or a second signal came."""
        return self._scope is not None and self._scope.cancelled_caught

    async def wait(self) -> None:
        """Wait until the shutdown is requested."""
        await self._requested.wait()

    def request(self) -> None:
        """Ask for the shutdown as a first signal would; again does nothing."""
        if not self._requested.is_set():
            self._requested.set()
            if self._scope is not None:
                self._scope.deadline = anyio.current_time() + self._grace

    async def __aenter__(self) -> Self:
        if self._scope is not None:
            raise RuntimeError("a GracefulShutdown is entered once; make a new one for each block")
        self._handlers_before = {each: signal.getsignal(each) for each in self._signals}
        self._receiver = anyio.open_signal_receiver(*self._signals)
        # Entered before anything is awaited: from here on no signal is missed.
        arriving = self._receiver.__enter__()
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._group.start_soon(self._listen, arriving, name="GracefulShutdown")
        self._scope = anyio.CancelScope()
        self._scope.__enter__()
        if self._requested.is_set():
            self._scope.deadline = anyio.current_time() + self._grace
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        assert self._scope is not None, "entered"
        assert self._group is not None, "entered"
        assert self._receiver is not None, "entered"
        swallowed = bool(self._scope.__exit__(exc_type, exc, traceback))
        self._group.cancel_scope.cancel()
        try:
            # The block's own error is not the listener's: it goes on as it is, and a
            # cancellation felt just now must not hide it.
            self._group.cancel_scope.shield = True
            await self._group.__aexit__(None, None, None)
        finally:
            self._receiver.__exit__(None, None, None)
            self._restore_handlers()
        return swallowed

    async def _listen(self, arriving: AsyncIterator[signal.Signals]) -> None:
        async for each in arriving:
            self._received.append(each)
            if self._requested.is_set() and self._scope is not None:
                self._scope.cancel()
            self.request()

    def _restore_handlers(self) -> None:
        # trio does this itself; asyncio leaves the default behind, which takes from its own
        # runner the handler that turns SIGINT into a cancellation.
        for each, before in self._handlers_before.items():
            if before is not None and signal.getsignal(each) is not before:
                signal.signal(each, before)  # type: ignore[arg-type]
