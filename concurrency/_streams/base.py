"""What every stream promises: who pulls, who closes, and when.

The promise has three parts, one for each way in which a stream is left.

- *It ends, fails or is cancelled inside a pull*: the pull itself closes the stream before it
  raises. No task and no open source is left when the exception arrives.
- *It is left between two pulls under* ``async with``: leaving the block closes it.
- *It is left between two pulls in a bare* ``async for``: ``break`` tells the iterator nothing,
  but the loop drops it. Each loop therefore gets an iterator of its own, whose end closes the
  stream even while other names still refer to the stream. Where objects die late (PyPy, or an
  iterator caught in a reference cycle) it closes late, at the latest when the run ends; nothing
  else waits for it, so nothing hangs and nothing is delivered twice. Whoever wants the moment
  guaranteed writes ``async with``.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, Generic, Self, TypeVar, final

import anyio
from anyio.lowlevel import EventLoopToken, current_token

from concurrency._loop import call_in_loop
from concurrency._streams.root import spawn_root
from concurrency._streams.sources import Source, close_source, open_source

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["LazyStream", "Stream"]

T = TypeVar("T")
S = TypeVar("S")


class Stream(AsyncIterator[T], ABC):
    """An async iterator that owns what it reads: ``async for``, and ``async with`` to be prompt.

    One consumer at a time: a pull while another task pulls is ``anyio.BusyResourceError``.
    After the stream has ended, failed or been closed, a pull is ``StopAsyncIteration``.

    A cancelled pull closes the stream in a bare ``async for``. Under ``async with`` it leaves it
    open: a pull can be given a timeout and repeated, and no item that had arrived is lost.
    """

    # Whether closing ends a pull that is under way, as an end of the stream would.
    _interruptible = False

    def __init__(self, name: str) -> None:
        self._name = name
        self._closed = False
        self._managed = False
        self._busy = False
        self._token: EventLoopToken | None = None

    @abstractmethod
    async def _pull(self) -> T:
        """Return the next item; on cancellation, lose none that has arrived."""

    @abstractmethod
    async def _close(self) -> None:
        """Release everything, and raise what failed while doing so. Called once."""

    @abstractmethod
    def _abandon(self, token: EventLoopToken) -> Callable[[], object]:
        """Return what makes the event loop close the stream, without keeping the stream alive."""

    async def _manage(self) -> None:
        """Prepare to be owned by an ``async with`` block."""

    async def _unmanage(self, exc: BaseException | None) -> None:
        """Undo ``_manage`` after the stream was closed."""

    @property
    def managed(self) -> bool:
        """Whether an ``async with`` block owns the stream."""
        return self._managed

    def __aiter__(self) -> AsyncIterator[T]:  # noqa: PYI034 - Each loop has an iterator to drop.
        return _Loop(self)

    async def __anext__(self) -> T:
        if self._busy:
            raise anyio.BusyResourceError("pulling from this stream")
        if self._closed:
            raise StopAsyncIteration
        if self._token is None:
            self._token = current_token()
        self._busy = True
        try:
            return await self._pull()
        except GeneratorExit:
            # The task was destroyed in the middle of a pull: nothing can be awaited any more.
            raise
        except anyio.get_cancelled_exc_class():
            if not self._managed:
                await self._shut()
            raise
        except StopAsyncIteration:
            await self._shut()
            raise
        except BaseException:
            # A failure beats a cancellation: one that is felt while closing must not take its
            # place, for the next pull would then see nothing but the end.
            with contextlib.suppress(anyio.get_cancelled_exc_class()):
                await self._shut()
            raise
        finally:
            self._busy = False

    async def aclose(self) -> None:
        """Close the stream and what it reads; return when nothing of it runs any more.

        What was read ahead and not taken is dropped. Closing twice does nothing. A source that
        waits in the middle of a pull is cancelled there; one that is between two items is closed
        in peace. Cancelled itself, this call still closes all, and the sources' clean-up sees
        the cancellation, as that of an async generator does.

        Raises:
            anyio.BusyResourceError: another task is pulling, and its pull cannot be ended from
                here because it runs the source itself: cancel that task instead.
            Exception: what a source raised and no pull had delivered; several as a group.
        """
        if self._busy and not self._interruptible:
            raise anyio.BusyResourceError("pulling from this stream")
        await self._shut()

    async def _shut(self) -> None:
        if not self._closed:
            self._closed = True
            await self._close()

    async def __aenter__(self) -> Self:
        if self._closed:
            raise anyio.ClosedResourceError(
                f"this {self._name}() stream is closed; make a new one for each `async with`"
            )
        if self._managed:
            raise RuntimeError(f"this {self._name}() stream is already under `async with`")
        if self._token is None:
            self._token = current_token()
        self._managed = True
        await self._manage()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        cancelled = anyio.get_cancelled_exc_class()
        try:
            try:
                await self.aclose()
            finally:
                await self._unmanage(exc)
        except cancelled:
            # As in a pull: the block's failure goes first.
            if exc is None or isinstance(exc, (cancelled, GeneratorExit)):
                raise
        except Exception as failure:
            if exc is None or isinstance(exc, (cancelled, GeneratorExit)):
                raise
            # Neither may hide the other.
            raise BaseExceptionGroup(
                f"the block failed, and so did closing its {self._name}() stream", [exc, failure]
            ) from None

    def __del__(self) -> None:
        self.dropped()

    def dropped(self) -> None:
        """Have the stream closed if nobody else will: the iterator of its loop is gone."""
        # getattr: an __init__ that refused its arguments leaves a stream without attributes.
        if getattr(self, "_closed", True) or self._managed or self._token is None:
            return
        self._closed = True
        call_in_loop(self._token, self._abandon(self._token))


@final
class _Loop(AsyncIterator[T], Generic[T]):
    """The iterator of one ``async for``; when the loop drops it, the stream is closed."""

    __slots__ = ("__weakref__", "_stream")

    def __init__(self, stream: Stream[T]) -> None:
        self._stream = stream

    async def __anext__(self) -> T:
        return await self._stream.__anext__()

    async def aclose(self) -> None:
        await self._stream.aclose()

    def __del__(self) -> None:
        self._stream.dropped()


class LazyStream(Stream[T], Generic[S, T]):
    """A stream that reads one source, in the consumer's own task, and only when pulled.

    No task is ever started. An async generator that is cancelled while it awaits something is
    over; that is the language's rule, and no stream in front of it can keep it alive.
    """

    def __init__(self, source: Source[S], name: str) -> None:
        super().__init__(name)
        self._source = source
        self._iterator: AsyncIterator[S] | None = None
        self._entered: Stream[S] | None = None

    async def _next(self) -> S:
        """Pull one item of the source."""
        if self._iterator is None:
            self._iterator = open_source(self._source)
        return await anext(self._iterator)

    async def _close(self) -> None:
        # A source that was never pulled has nothing to clean up, but it is ours all the same.
        ending = self._source if self._iterator is None else self._iterator
        # A stream that is kept after its end keeps nothing else alive.
        self._source, self._iterator = (), None
        await close_source(ending)

    def _abandon(self, token: EventLoopToken) -> Callable[[], object]:
        close = partial(close_source, self._iterator)
        return partial(spawn_root, token, close, f"closing {self._name}()")

    async def _manage(self) -> None:
        # A stream inside a stream must not take a cancelled pull of ours for a bare loop's end.
        if isinstance(self._source, Stream) and not self._source.managed:
            self._entered = await self._source.__aenter__()

    async def _unmanage(self, exc: BaseException | None) -> None:
        if self._entered is not None:
            await self._entered.__aexit__(type(exc) if exc else None, exc, None)
