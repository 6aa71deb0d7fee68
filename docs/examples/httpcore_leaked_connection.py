"""A pool that counts a connection nobody opened: httpcore, the transport of HTTPX.

Promised: with `max_connections=1` one request is under way at a time, and the others wait for it.

Found in httpcore 1.0.9: when a request ends, the pool makes a new connection for the first in line
and wakes it, to open the connection itself. If that request is cancelled at the same moment (its
timeout has come), the connection stays in the pool for ever: not open, not failed, not idle. It
takes the place of the only connection allowed, and every later request waits for it in vain.

It shows with tasks in the stock loop's own order (`reorder="arrivals"`), given one stall: it can
happen as it is.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

import httpcore

import simclock

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


class FakeStream(httpcore.AsyncNetworkStream):
    """A connection to a server that takes its time, answers `hello`, and hangs up."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        await asyncio.sleep(0.9)
        return ANSWER

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await asyncio.sleep(0)

    async def aclose(self) -> None:
        await asyncio.sleep(0)

    def get_extra_info(self, info: str) -> Any:
        return None


class FakeNetwork(httpcore.AsyncNetworkBackend):
    """A network without sockets."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        await asyncio.sleep(0.05)
        return FakeStream()


async def main() -> None:
    pool = httpcore.AsyncConnectionPool(max_connections=1, network_backend=FakeNetwork())
    async with pool:

        async def fetch() -> bytes:
            response = await pool.request("GET", "http://example.org/")
            return response.content

        async def fetch_or_give_up() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await fetch()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fetch())
            tasks.create_task(fetch_or_give_up())
            third = tasks.create_task(fetch())

    assert third.result() == b"hello"


if __name__ == "__main__":
    simclock.explore(main, schedules=500)
