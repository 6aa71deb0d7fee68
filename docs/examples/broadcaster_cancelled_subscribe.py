"""A timeout turns into a `KeyError`: broadcaster, when a subscription is cancelled on its way.

Promised by every async context manager: cancelled while it is entered, it lets the cancellation
through, so that the timeout around it says `TimeoutError`.

Found in broadcaster 0.3.1: `subscribe()` tidies up after itself whether it came to anything or not.
Cancelled while the backend subscribes, which with Redis or Kafka takes a round trip, it looks for a
list of subscribers that is not there yet, and the `KeyError` takes the place of the cancellation.

It shows with `cancel=True`, which cancels `main` once at each of its steps, as a timeout would, and
with tasks in the stock loop's own order (`reorder="arrivals"`): it can happen as it is.
"""

import asyncio
from typing import Any

from broadcaster import Broadcast, BroadcastBackend, Event

import simclock


class FakeBroker(BroadcastBackend):
    """A broker behind a network; everything but being told of a message takes a round trip."""

    def __init__(self) -> None:
        self._published: asyncio.Queue[Event] = asyncio.Queue()

    async def connect(self) -> None:
        await asyncio.sleep(0.1)

    async def disconnect(self) -> None:
        await asyncio.sleep(0.1)

    async def subscribe(self, channel: str) -> None:
        await asyncio.sleep(0.1)

    async def unsubscribe(self, channel: str) -> None:
        await asyncio.sleep(0.1)

    async def publish(self, channel: str, message: Any) -> None:
        await asyncio.sleep(0.1)
        await self._published.put(Event(channel, message))

    async def next_published(self) -> Event:
        return await self._published.get()


async def main() -> None:
    async with Broadcast(backend=FakeBroker()) as broadcast:
        async with broadcast.subscribe("room") as subscriber:
            await broadcast.publish("room", "welcome")
            event = await subscriber.get()

    assert event.message == "welcome"


if __name__ == "__main__":
    simclock.explore(main, schedules=200, cancel=True)
