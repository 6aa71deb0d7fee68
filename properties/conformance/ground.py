"""What the scenarios of a kit stand on: how tasks are started, cancelled and waited for."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, final

import anyio
from anyio.lowlevel import checkpoint

import simclock
from properties.conformance.calls import call
from properties.conformance.verdicts import ConformanceError

__all__ = ["Ground", "Style"]

Style = Literal["anyio", "asyncio"]


@final
@dataclass(frozen=True, slots=True)
class Ground:
    """What scenarios stand on: how tasks are started and cancelled.

    With ``"anyio"`` they live in AnyIO's groups and are cancelled through scopes, as on trio;
    with ``"asyncio"`` in asyncio's, and are cancelled natively.
    """

    style: Style = "anyio"
    #: Coroutines that were handed to the subject, which may never have begun one.
    handed: list[Coroutine[Any, Any, Any]] = field(
        default_factory=list[Coroutine[Any, Any, Any]], repr=False
    )

    def close_unstarted(self) -> int:
        """Close the coroutines that the subject has neither begun nor closed; tell how many."""
        left = [
            coroutine
            for coroutine in self.handed
            if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
        ]
        for coroutine in left:
            coroutine.close()
        return len(left)

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

    def now(self) -> float:
        """Return the virtual time in seconds."""
        return simclock.current().now

    async def settle(self) -> None:
        """Wait until everybody else is blocked."""
        await simclock.current().settle()

    def cancellations(self) -> int:
        """Return how many cancellations were injected into this run so far."""
        applied = simclock.current().applied
        return sum(deviation.kind is simclock.Kind.CANCEL for deviation in applied)

    @contextmanager
    def pardon(self) -> Generator[None]:
        """Let the block fail in a run into which a cancellation was injected.

        Whom it hits decides what comes out, and no promise is made of that. What a kit found, or
        the simulation, is no outcome and not pardoned: in a group with others neither.
        """
        try:
            yield
        except BaseException as error:
            if self.cancellations() and not _is_verdict(error):
                return
            raise

    async def give_up(self, seconds: float, function: Callable[[], Any]) -> bool:
        """Call ``function`` and cancel it after ``seconds``; tell whether it ended before."""
        if self.style == "asyncio":
            limit = asyncio.timeout(seconds)
            try:
                async with limit:
                    await call(function)
            except TimeoutError:
                if not limit.expired():
                    # The subject's own.
                    raise
                return False
            return True
        with anyio.move_on_after(seconds) as scope:
            await call(function)
        return not scope.cancelled_caught

    async def interrupt(self, seconds: float, function: Callable[[], Any]) -> bool:
        """Call ``function``, cancel it after ``seconds``, and tell whether it ended before.

        Unlike :meth:`give_up` no deadline announces it.
        """
        scope, ended = anyio.CancelScope(), False

        async def run() -> None:
            nonlocal ended
            with nullcontext() if self.style == "asyncio" else scope:
                await call(function)
                ended = True

        if self.style == "asyncio":
            task = asyncio.create_task(run())
            await asyncio.wait([task], timeout=seconds)
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()
            return ended
        async with anyio.create_task_group() as group:
            group.start_soon(run)
            await anyio.sleep(seconds)
            scope.cancel()
        return ended


def _is_verdict(error: Any) -> bool:
    within: Any = error
    if isinstance(error, BaseExceptionGroup):
        return any(map(_is_verdict, within.exceptions))
    return isinstance(error, (ConformanceError, simclock.SimulationError))
