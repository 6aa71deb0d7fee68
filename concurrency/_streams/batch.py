"""Items in groups: by number, and by the time the first of them has waited."""

from __future__ import annotations

from typing import TypeVar, final

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from concurrency._streams.base import LazyStream, Stream
from concurrency._streams.pump import Pump, PumpedStream
from concurrency._streams.sources import Source, check_source
from concurrency._validation import check_count, check_duration

__all__ = ["batch_stream"]

T = TypeVar("T")


@final
class _CountedBatches(LazyStream[T, list[T]]):
    """Batches by number only: nothing needs to run while the consumer works."""

    def __init__(self, source: Source[T], size: int) -> None:
        super().__init__(source, "batch_stream")
        self._size = size
        self._gathered: list[T] = []
        self._failure: Exception | None = None

    async def _pull(self) -> list[T]:
        self._raise_failure()
        # The batch is the stream's, not the call's: a cancelled pull leaves it to the next.
        while len(self._gathered) < self._size:
            try:
                self._gathered.append(await self._next())
            except StopAsyncIteration:
                if not self._gathered:
                    raise
                break
            except Exception as error:
                if not self._gathered:
                    raise
                self._failure = error
                break
        batch, self._gathered = self._gathered, []
        return batch

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    async def _close(self) -> None:
        await super()._close()
        self._raise_failure()


@final
class _TimedBatches(PumpedStream[T, list[T]]):
    """Batches by number or time. The timeout ends the waiting, never the reading."""

    def __init__(self, source: Source[T], size: int, timeout: float) -> None:
        super().__init__([source], size, "batch_stream")
        self._size = size
        self._timeout = timeout

    async def _pull(self) -> list[T]:
        pump = await self._started()
        while not pump.waiting:
            if pump.exhausted:
                await self._finish(pump)
            await pump.wait_news()
        await self._wait_full(pump)
        if pump.exhausted and pump.waiting < self._size:
            # The last batch, unless what cancelled the pump cancelled the consumer as well, who
            # was woken and has yet to feel it.
            await checkpoint_if_cancelled()
        return [pump.take() for _ in range(min(pump.waiting, self._size))]

    async def _wait_full(self, pump: Pump[T]) -> None:
        due = pump.oldest + self._timeout
        with anyio.move_on_at(due):
            while pump.waiting < self._size and not pump.exhausted:
                if anyio.current_time() >= due:
                    return
                await pump.wait_news()


def batch_stream(stream: Source[T], size: int, *, timeout: float | None = None) -> Stream[list[T]]:
    """Group items into lists of ``size``; the last may be shorter, none is empty.

    With a ``timeout`` (seconds), a batch is delivered once its first item has waited that long,
    with what is there. The timeout loses nothing and does not disturb the source, which is read
    by a task of its own, at most ``size`` items ahead. Without one, the source is read in the
    consumer's task, when a batch is asked for.

    An error of the source comes after the batch of the items that preceded it. A pull cancelled
    under ``async with`` keeps what it had gathered for the next one.

    Raises:
        TypeError: at once, if ``stream`` cannot be iterated, ``size`` is not an int or
            ``timeout`` not a number.
        ValueError: ``size`` is below 1, or ``timeout`` negative or NaN.
    """
    check_source(stream, where="batch_stream()")
    count = check_count(size, name="batch_stream(size=)", minimum=1)
    if timeout is None:
        return _CountedBatches(stream, count)
    return _TimedBatches(stream, count, check_duration(timeout, name="batch_stream(timeout=)"))
