"""A request waits for ever although no connection is in use: the connector of aiohttp.

Promised: `limit=1` allows one connection at a time; whoever waits for it gets it in turn.

Found in aiohttp 3.14.5: a connection that becomes free wakes the first in line. If that request is
cancelled at the same moment (its timeout has come), the wake-up is lost with it: nobody wakes the
next one, and the connection stays unused.

No network is needed: the connector below makes connections whose far end is a function.

It shows with tasks in the stock loop's own order (`reorder="arrivals"`), given one stall: it can
happen as it is.
"""

import asyncio
import contextlib
from typing import Any

import aiohttp

import simclock

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
PATIENT = aiohttp.ClientTimeout(total=None)


class FakeTransport(asyncio.Transport):
    """The near end of a connection to a server that takes its time, and answers `hello`."""

    def __init__(self, protocol: Any) -> None:
        super().__init__()
        self._protocol = protocol
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        asyncio.get_running_loop().call_later(0.9, self._protocol.data_received, ANSWER)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)


class FakeConnector(aiohttp.BaseConnector):
    """Everything of aiohttp's connector but the sockets."""

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
        protocol = self._factory()
        protocol.connection_made(FakeTransport(protocol))
        return protocol


async def main() -> None:
    # Kept alive, idle connections are looked after by a timer that never ends: no deadlock then,
    # just a clock that ticks for ever.
    connector = FakeConnector(limit=1, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=PATIENT) as session:

        async def fetch() -> str:
            async with session.get("http://example.org/") as response:
                return await response.text()

        async def fetch_or_give_up() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await fetch()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fetch())
            tasks.create_task(fetch_or_give_up())
            third = tasks.create_task(fetch())

    assert third.result() == "hello"


if __name__ == "__main__":
    simclock.explore(main, schedules=500)
