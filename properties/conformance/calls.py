"""Calls that a scenario makes: awaiting one if need be, cutting one off, and what it raised."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, Final, cast, final

import anyio

import simclock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from properties.conformance.ground import Ground

__all__ = ["Cut", "bare", "call"]

_STEPS_MAX: Final = 8


async def call(function: Callable[..., Any], *args: Any) -> Any:
    """Return ``function(*args)``, awaited if it has to be."""
    result = function(*args)
    return await result if inspect.isawaitable(result) else result


@final
class Cut:
    """Cancels one call of a scenario, at a moment that every run draws anew.

    An injected cancellation hits any task of the run, also one that the subject started for
    itself, and of what comes after that nothing can be promised. This one hits who called.
    """

    def __init__(self, ground: Ground, moments: Sequence[float] = (0.0,)) -> None:
        """Draw one of ``moments``, in seconds from the call of :meth:`strike`, and some steps."""
        draw = simclock.current().random("cut")
        self._ground = ground
        self._seconds = draw.choice(moments)
        self._steps = draw.randrange(_STEPS_MAX)
        self._scope = anyio.CancelScope()
        self._task: asyncio.Task[Any] | None = None
        self._struck = False

    async def off(self, function: Callable[[], Coroutine[Any, Any, Any]]) -> bool:
        """Call ``function`` until the cut; tell whether it was cut off."""
        if self._ground.style == "asyncio":
            return await self._off_natively(function)
        with self._scope:
            await function()
        return self._scope.cancelled_caught

    async def _off_natively(self, function: Callable[[], Coroutine[Any, Any, Any]]) -> bool:
        task = self._task = asyncio.current_task()
        assert task is not None
        try:
            await function()
        except asyncio.CancelledError:
            if not self._struck:
                raise
            return True
        finally:
            self._task = None
            if self._struck:
                task.uncancel()
        return False

    async def strike(self) -> None:
        """Wait for the moment and cancel what is under way then; a task of its own."""
        if self._seconds:
            await self._ground.sleep(self._seconds)
        for _ in range(self._steps):
            await self._ground.step()
        if self._ground.style == "anyio":
            self._scope.cancel()
        elif self._task is not None:
            self._struck = True
            self._task.cancel()


def bare(error: Any) -> BaseException:
    """Return ``error`` without the groups around it that hold nothing else."""
    found: Any = error
    while isinstance(error, BaseExceptionGroup) and len(found.exceptions) == 1:
        error = found = found.exceptions[0]
    return cast("BaseException", found)
