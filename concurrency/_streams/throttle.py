"""A stream slowed to a rate."""

from __future__ import annotations

from typing import TypeVar, final

import anyio

from concurrency._streams.base import LazyStream, Stream
from concurrency._streams.sources import Source, check_source
from concurrency._validation import check_count, check_number

__all__ = ["throttle_stream"]

T = TypeVar("T")


@final
class _Throttled(LazyStream[T, T]):
    """The generic cell rate algorithm: one instant is all there is to remember."""

    def __init__(self, source: Source[T], interval: float, burst: int) -> None:
        super().__init__(source, "throttle_stream")
        self._interval = interval
        self._credit = (burst - 1) * interval
        # Where an evenly spaced stream would be by now; None before the first item, because a
        # clock may well start at 0.
        self._schedule: float | None = None

    async def _pull(self) -> T:
        # Waiting comes before pulling: a cancellation during the wait has no item to lose.
        if self._schedule is not None:
            allowed = self._schedule - self._credit
            # Again, because asyncio lets a timer fire up to its clock's resolution early.
            while anyio.current_time() < allowed:  # noqa: ASYNC110 - Time is what is awaited.
                await anyio.sleep_until(allowed)
        item = await self._next()
        now = anyio.current_time()
        # Counted from the delivery: the time the source took is not given back as speed.
        expected = now if self._schedule is None else max(now, self._schedule)
        self._schedule = expected + self._interval
        return item


def throttle_stream(
    stream: Source[T], rate: float, *, per: float = 1.0, burst: int = 1
) -> Stream[T]:
    """Deliver at most ``rate`` items per ``per`` seconds, evenly spaced; keep all of them.

    Between two deliveries lie at least ``per / rate`` seconds; the first is not delayed. After
    a pause up to ``burst`` items may follow each other at once, and only they: in any span of
    ``t`` seconds at most ``burst + t * rate / per`` items are delivered.

    The source is pulled in the consumer's task once the wait is over, so nothing is read ahead
    and a cancellation during the wait loses nothing.

    Raises:
        TypeError: at once, if ``stream`` cannot be iterated or an option is not a number.
        ValueError: ``rate`` or ``per`` is not above 0, ``per`` is infinite, or ``burst`` is
            below 1. An infinite ``rate`` does not throttle.
    """
    check_source(stream, where="throttle_stream()")
    speed = check_number(rate, name="throttle_stream(rate=)")
    span = check_number(per, name="throttle_stream(per=)")
    if speed <= 0:
        raise ValueError(f"throttle_stream(rate=) must be above 0, not {rate}")
    if not 0 < span < float("inf"):
        raise ValueError(f"throttle_stream(per=) must be a finite time above 0, not {per}")
    size = check_count(burst, name="throttle_stream(burst=)", minimum=1)
    return _Throttled(stream, span / speed, size)
