"""The tasks that a scenario hands to its subject: each knows whether it runs and has cleaned up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import anyio

from properties.conformance.verdicts import ConformanceError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from properties.conformance.ground import Ground

__all__ = ["PlannedFailureError", "Workers"]


@final
class PlannedFailureError(Exception):
    """What a worker raises by plan; its text is the name of the worker."""


@final
class Workers:
    """Makes workers and keeps the books on them.

    Each sleeps, returns or fails, and cleans up on its way out, which takes it a step more: a
    subject that does not await those it cancelled leaves before that.
    """

    def __init__(self, ground: Ground) -> None:
        """Begin with nobody."""
        self._ground = ground
        self._inside: list[str] = []
        #: In the order in which they began, ended by themselves, and met a cancellation.
        self.began: list[str] = []
        self.finished: list[str] = []
        self.cut_off: list[str] = []
        self.failures: dict[str, PlannedFailureError] = {}

    def make(
        self, name: str, seconds: float | None = None, *, fails: bool = False
    ) -> Callable[[], Coroutine[Any, Any, str]]:
        """Return an async function that returns ``name`` or fails, after ``seconds`` or a step."""

        async def work() -> str:
            self.began.append(name)
            self._inside.append(name)
            try:
                await (self._ground.step() if seconds is None else self._ground.sleep(seconds))
                self.finished.append(name)
            except BaseException:
                self.cut_off.append(name)
                raise
            finally:
                await self._clean_up(name)
            if fails:
                raise self.failure(name)
            return name

        def hand_over() -> Coroutine[Any, Any, str]:
            coroutine = work()
            self._ground.handed.append(coroutine)
            return coroutine

        return hand_over

    def failure(self, name: str) -> PlannedFailureError:
        """Return a new failure by the name of ``name``, and remember it."""
        made = self.failures[name] = PlannedFailureError(name)
        return made

    def check_gone(self, what: str) -> None:
        """Raise if somebody is still inside although ``what`` has ended."""
        if self._inside:
            raise ConformanceError(f"the {what} had ended, and {', '.join(self._inside)} had not")

    async def _clean_up(self, name: str) -> None:
        try:
            if self._ground.style == "asyncio":
                await self._ground.step()
            else:
                with anyio.CancelScope(shield=True):
                    await self._ground.step()
        finally:
            self._inside.remove(name)
