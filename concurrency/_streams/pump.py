"""Reading ahead: tasks that pull sources while the consumer is busy elsewhere."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar, final

import anyio
from anyio.lowlevel import EventLoopToken, checkpoint, checkpoint_if_cancelled

from concurrency._outcome import raise_bare, separate
from concurrency._settle import settle
from concurrency._streams.base import Stream
from concurrency._streams.root import spawn_root
from concurrency._streams.sources import Source, close_source, open_source
from concurrency.resource_tracker import track_resource, untrack_resource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from anyio.abc import TaskGroup

__all__ = ["ItemStream", "Pump", "PumpedStream"]

_logger = logging.getLogger("concurrency.stream")

T = TypeVar("T")
S = TypeVar("S")


@final
@dataclass(slots=True)
class _Feed:
    """One source's share: its pulling, and how many of its items wait to be taken."""

    # Ends the pulling alone: what the source does to clean up is not cancelled with it.
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    held: int = 0
    room_made: anyio.Event | None = None


@final
@dataclass(frozen=True, slots=True)
class _Arrival(Generic[S]):
    item: S
    instant: float
    feed: _Feed


@final
class Pump(Generic[S]):
    """Pulls every source in a task of its own, at most ``room`` items ahead of the consumer.

    An item belongs to the pump from the moment its source gave it until it is taken; taking is
    one step without an await, so a cancelled consumer never has half an item. Items are taken in
    the order of their arrival. The first error ends all pulling; what had arrived before it is
    still delivered, then the error. The pump knows nothing of the stream in front of it, so that
    the stream can be dropped while the pump runs.
    """

    def __init__(self, sources: Sequence[Source[S]], room: int, name: str) -> None:
        self._feeds = [(source, _Feed()) for source in sources]
        self._room = room
        self._name = name
        self._arrivals: deque[_Arrival[S]] = deque()
        self._news: anyio.Event | None = None
        self._errors: list[BaseException] = []
        self._cut_short: BaseException | None = None
        self._scope = anyio.CancelScope()
        self._stopped = False
        self._abandoned = False
        self.ended = anyio.Event()

    async def drive(self) -> None:
        """Pull until every source has ended, one has failed, or ``stop`` was called.

        Never raises but for a cancellation from outside; the consumer gets the errors.
        """
        track_resource(self, name=f"{self._name}() pump", kind="stream")
        try:
            with self._scope:
                async with anyio.create_task_group() as group:
                    for number, (source, feed) in enumerate(self._feeds):
                        name = f"{self._name}() source {number}"
                        group.start_soon(self._feed, source, feed, name=name)
        finally:
            untrack_resource(self)
            self._feeds.clear()
            self.ended.set()
            self._tell_consumer()
            if self._abandoned:
                self._log_errors()

    async def _feed(self, source: Source[S], feed: _Feed) -> None:
        cancelled = anyio.get_cancelled_exc_class()
        try:
            if isinstance(source, Stream) and not source.managed:
                # Owned by this task, so that ending a pull of it leaves it to be closed in peace.
                async with source:
                    await self._pull_all(source, feed)
            else:
                iterator = open_source(source)
                try:
                    await self._pull_all(iterator, feed)
                finally:
                    await close_source(iterator)
        except cancelled as exc:
            if not self._stopped:
                # Nobody here asked for it: the consumer must not take it for the end.
                self._cut_short = exc
            raise
        except BaseException as exc:  # noqa: BLE001 - Delivered to the consumer, whatever it is.
            cancellation, failure = separate(exc)
            if failure is not None:
                self._errors.append(failure)
            self.stop()
            if cancellation is not None:
                raise_bare(cancellation)

    async def _pull_all(self, iterator: AsyncIterator[S], feed: _Feed) -> None:
        with feed.scope:
            while True:
                while feed.held >= self._room:
                    feed.room_made = anyio.Event()
                    await feed.room_made.wait()
                try:
                    item = await anext(iterator)
                except StopAsyncIteration:
                    return
                feed.held += 1
                self._arrivals.append(_Arrival(item, anyio.current_time(), feed))
                self._tell_consumer()

    def _tell_consumer(self) -> None:
        if self._news is not None:
            self._news.set()

    @property
    def waiting(self) -> int:
        """How many items have arrived and were not taken."""
        return len(self._arrivals)

    @property
    def oldest(self) -> float:
        """The instant at which the first of them arrived."""
        return self._arrivals[0].instant

    @property
    def exhausted(self) -> bool:
        """Whether no further item will arrive."""
        return self.ended.is_set()

    async def wait_news(self) -> None:
        """Wait until another item has arrived, or none ever will."""
        if not self.exhausted:
            self._news = anyio.Event()
            await self._news.wait()

    def take(self) -> S:
        """Take the oldest item, which makes room for one more of its source."""
        arrival = self._arrivals.popleft()
        feed = arrival.feed
        feed.held -= 1
        if feed.room_made is not None:
            feed.room_made.set()
        return arrival.item

    def stop(self) -> None:
        """Cancel all pulling; ``ended`` tells when the sources are closed."""
        self._stopped = True
        self._cut_short = None
        for _, feed in self._feeds:
            feed.scope.cancel()

    def hurry(self) -> None:
        """Cancel the sources' clean-up as well."""
        self.stop()
        self._scope.cancel()

    def abandon(self) -> None:
        """Stop, and log the errors: nobody will take them any more."""
        self._abandoned = True
        self.stop()
        if self.exhausted:
            self._log_errors()

    def _log_errors(self) -> None:
        for error in self._errors:
            _logger.error("a source of %s() failed unheard", self._name, exc_info=error)
        self._errors.clear()

    def raise_errors(self) -> None:
        """Raise what the sources raised: one as it is, several as a group; each only once."""
        errors, self._errors = self._errors, []
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise BaseExceptionGroup(f"several sources of {self._name}() failed", errors)

    def raise_if_cut_short(self) -> None:
        """Refuse to call it the end if the tasks that pulled were cancelled by others."""
        if self._cut_short is not None and not self._stopped:
            raise anyio.BrokenResourceError(
                f"a source of {self._name}() was cancelled, so the stream is not complete"
            ) from self._cut_short


class PumpedStream(Stream[T], Generic[S, T]):
    """A stream whose sources are pulled by a pump.

    Under ``async with`` the pump is a child task of the block. In a bare ``async for`` it is a
    task of the run, from the first pull until the stream is closed.
    """

    _interruptible = True

    def __init__(self, sources: Sequence[Source[S]], room: int, name: str) -> None:
        super().__init__(name)
        self._sources = sources
        self._room = room
        self._pump: Pump[S] | None = None
        self._group: TaskGroup | None = None

    async def _started(self) -> Pump[S]:
        """Return the running pump; a checkpoint, so that a fast source starves nobody."""
        await checkpoint()
        if self._pump is None:
            assert self._token is not None, "a pull notes the event loop first"
            self._pump = Pump(self._sources, self._room, self._name)
            spawn_root(self._token, self._pump.drive, f"{self._name}() pump")
        return self._pump

    async def _finish(self, pump: Pump[S]) -> None:
        """Raise what ends the stream: the sources' errors, or ``StopAsyncIteration``."""
        pump.raise_errors()
        if not self._closed:
            # What cancelled the source may have cancelled the consumer as well, who was woken
            # just before and has yet to feel it: that is no fault of the source's.
            await checkpoint_if_cancelled()
            pump.raise_if_cut_short()
        raise StopAsyncIteration

    async def _close(self) -> None:
        pump = self._pump
        self._sources = ()
        if pump is None:
            return
        pump.stop()
        try:
            await pump.ended.wait()
        except anyio.get_cancelled_exc_class():
            # As for any clean-up in a cancelled scope. The wait goes on to its end all the same.
            pump.hurry()
            await settle(pump.ended)
            # A failure outweighs the cancellation, as it does in a task group.
            pump.raise_errors()
            raise
        pump.raise_errors()

    def _abandon(self, token: EventLoopToken) -> Callable[[], object]:
        del token  # Stopping needs no task: the pump's own cleans up, and logs what fails.
        pump = self._pump
        return pump.abandon if pump is not None else _nothing

    async def _manage(self) -> None:
        if self._pump is None:
            self._pump = Pump(self._sources, self._room, self._name)
            self._group = anyio.create_task_group()
            await self._group.__aenter__()
            self._group.start_soon(self._pump.drive, name=f"{self._name}() pump")

    async def _unmanage(self, exc: BaseException | None) -> None:
        del exc  # The block's error stays as it is: this group has no say in it.
        if self._group is not None:
            # The pump has ended. A cancellation felt just now must not hide the block's error.
            self._group.cancel_scope.shield = True
            await self._group.__aexit__(None, None, None)


@final
class ItemStream(PumpedStream[T, T]):
    """A pumped stream that delivers the items as they are."""

    async def _pull(self) -> T:
        pump = await self._started()
        while not pump.waiting:
            if pump.exhausted:
                await self._finish(pump)
            await pump.wait_news()
        return pump.take()


def _nothing() -> None:
    """Do what is left to do for a stream that never started."""
