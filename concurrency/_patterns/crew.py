"""The engine of the patterns: each awaitable in a task of its own, each outcome kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, final

import anyio

from concurrency._outcome import Outcome
from concurrency._validation import close_unstarted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

__all__ = ["Crew", "name_of"]

T = TypeVar("T")


@final
class Crew(Generic[T]):
    """Runs awaitables side by side until all have ended, or until one of them ends it for all.

    When :meth:`run` ends, in whichever way, no task is left and every coroutine was either run
    or closed.
    """

    __slots__ = ("_aws", "ended", "outcomes")

    def __init__(self, aws: Sequence[Awaitable[T]]) -> None:
        self._aws = aws
        #: In the order of the awaitables.
        self.outcomes: list[Outcome[T]] = [Outcome() for _ in aws]
        #: In the order in which they ended; who was cancelled is not among them.
        self.ended: list[Outcome[T]] = []

    async def run(self, *, stop: Callable[[Outcome[T]], bool]) -> None:
        """Run them; once ``stop(outcome)`` is true of one, cancel the rest and await them.

        Errors stay in the outcomes. Only a cancellation of the caller is raised.
        """
        runners: list[Coroutine[Any, Any, None]] = []
        try:
            async with anyio.create_task_group() as tg:
                for aw, outcome in zip(self._aws, self.outcomes, strict=True):
                    runner = self._run_one(aw, outcome, stop, tg.cancel_scope)
                    runners.append(runner)
                    tg.create_task(runner, name=name_of(aw))
        finally:
            # A task natively cancelled before its first step leaves both of these behind.
            for aw, outcome, runner in zip(self._aws, self.outcomes, runners, strict=False):
                if not outcome.settled:
                    close_unstarted((runner, aw))

    def failures(self, *, fatal_only: bool = False) -> list[BaseException]:
        """Return what was raised, in the order of the awaitables.

        With ``fatal_only``, just what is no ``Exception``: SystemExit and KeyboardInterrupt are
        never anybody's to swallow.
        """
        return [
            outcome.error
            for outcome in self.outcomes
            if outcome.error is not None
            and not (fatal_only and isinstance(outcome.error, Exception))
        ]

    async def _run_one(
        self,
        aw: Awaitable[T],
        outcome: Outcome[T],
        stop: Callable[[Outcome[T]], bool],
        scope: anyio.CancelScope,
    ) -> None:
        await outcome.record(aw)
        self.ended.append(outcome)
        error = outcome.error
        if stop(outcome) or (error is not None and not isinstance(error, Exception)):
            scope.cancel()


def name_of(aw: object) -> str:
    """Return what a task that runs ``aw`` is to be called."""
    return str(getattr(aw, "__qualname__", type(aw).__qualname__))
