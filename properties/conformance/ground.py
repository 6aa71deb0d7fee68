"""What the scenarios of a kit stand on: how tasks are started, cancelled and waited for."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal, final

import anyio
from anyio.lowlevel import checkpoint

import simclock

__all__ = ["Ground", "Style", "call"]

Style = Literal["anyio", "asyncio"]


@final
@dataclass(frozen=True, slots=True)
class Ground:
    """What scenarios stand on: how tasks are started and cancelled.

    With ``"anyio"`` they live in AnyIO's groups and are cancelled through scopes, as on trio;
    with ``"asyncio"`` in asyncio's, and are cancelled natively.
    """

    style: Style = "anyio"

    async def run(self, *tasks: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Run ``tasks`` at once, until all have ended."""
        if self.style == "asyncio":
            async with asyncio.TaskGroup() as native:
                for task in tasks:
                    native.create_task(task())
            return
        async with anyio.create_task_group() as group:
            for task in tasks:
                group.start_soon(task)

    async def step(self) -> None:
        """Let others run."""
        await (asyncio.sleep(0) if self.style == "asyncio" else checkpoint())

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await (asyncio.sleep(seconds) if self.style == "asyncio" else anyio.sleep(seconds))

    async def settle(self) -> None:
        """Wait until everybody else is blocked."""
        await simclock.current().settle()

    def cancellations(self) -> int:
        """Return how many cancellations were injected into this run so far."""
        applied = simclock.current().applied
        return sum(deviation.kind is simclock.Kind.CANCEL for deviation in applied)

    async def give_up(self, seconds: float, function: Callable[[], Any]) -> bool:
        """Call ``function`` and cancel it after ``seconds``; tell whether it ended before."""
        if self.style == "asyncio":
            try:
                async with asyncio.timeout(seconds):
                    await call(function)
            except TimeoutError:
                return False
            return True
        with anyio.move_on_after(seconds) as scope:
            await call(function)
        return not scope.cancelled_caught


async def call(function: Callable[..., Any], *args: Any) -> Any:
    """Return ``function(*args)``, awaited if it has to be."""
    result = function(*args)
    return await result if inspect.isawaitable(result) else result
