"""What goes by other names than a kit asks for, put into the form that it takes."""

from __future__ import annotations

from typing import Any

__all__ = ["AsyncSide", "Ends", "Guarded", "from_list"]


class AsyncSide:
    """The asyncio side of a queue that threads can use as well."""

    def __init__(self, queue: Any) -> None:
        self.put, self.get = queue.async_q.put, queue.async_q.get


class Ends:
    """The two ends of a channel as one queue."""

    def __init__(self, ends: tuple[Any, Any]) -> None:
        # Both are kept: an end that is dropped unclosed warns.
        self.sending, self.receiving = ends

    async def put(self, item: Any) -> None:
        await self.sending.send(item)

    async def get(self) -> Any:
        return await self.receiving.receive()


class Guarded:
    """A circuit breaker that is entered rather than called."""

    def __init__(self, factory: Any) -> None:
        self.factory = factory

    async def call(self, function: Any) -> Any:
        async with await self.factory.get_breaker("the only one"):
            return await function()


def from_list(function: Any) -> Any:
    """Return ``function``, which takes one list, as one that takes each by itself."""

    async def spread(*aws: Any) -> Any:
        return await function(aws)

    return spread
