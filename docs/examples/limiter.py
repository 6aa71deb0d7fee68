"""A limiter that lets one too many in: whoever arrives between a wake-up and the woken."""

import asyncio
from collections import deque


class Limiter:
    """Lets at most ``size`` tasks in at a time."""

    def __init__(self, size):
        self.size = size
        self.active = 0
        self.waiting = deque()

    async def __aenter__(self):
        if self.active >= self.size:
            turn = asyncio.get_running_loop().create_future()
            self.waiting.append(turn)
            await turn
        self.active += 1
        assert self.active <= self.size, f"{self.active} inside, {self.size} allowed"

    async def __aexit__(self, *_):
        self.active -= 1
        if self.waiting:
            self.waiting.popleft().set_result(None)


async def main():
    limiter = Limiter(1)

    async def worker():
        for _ in range(3):
            async with limiter:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0)

    await asyncio.gather(worker(), worker())
