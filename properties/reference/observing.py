"""Interpreters of programs, each with the dialect it speaks, and runs of programs on them."""

from __future__ import annotations

import importlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, final

from properties.reference.dialects import (
    ANYIO_ON_ASYNCIO,
    CONCURRENCY_ON_ASYNCIO,
    CONCURRENCY_ON_TRIO,
    TRIO,
    Dialect,
)
from properties.reference.states import TIMEOUT, Raised, grouped
from properties.reference.walk import Outcome
from properties.runs.run import LIMITS
from properties.strategies.drawn import CALM, DrawnSchedule
from properties.strategies.programs import PlannedError
from simclock.errors import UsageError
from simclock.exploration.runs import Plan, Runner
from simclock.exploration.world import World
from simclock.kernel import from_seconds
from simclock.schedules import Kind
from simclock.simulation.current import current

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType, TracebackType

    from properties.strategies.programs import Program

__all__ = ["INTERPRETERS", "Interpreter", "Observer", "observe"]


@final
@dataclass(frozen=True, slots=True)
class Interpreter:
    """A library that programs run on, on one backend, and what the model is to hold it to.

    ``replacements`` are pairs: a name that programs use, and what stands in for it, as a thing or
    as the name that the library has for it.
    """

    name: str
    library: str
    backend: str
    dialect: Dialect
    replacements: tuple[tuple[str, Any], ...] = ()

    def main(self, program: Program, note: Callable[[str], object]) -> Any:
        """Return ``program`` as a coroutine function of this library."""
        library: ModuleType = importlib.import_module(self.library)
        replacements = {
            name: getattr(library, thing) if isinstance(thing, str) else thing
            for name, thing in self.replacements
        }
        return program.main(library, note, **replacements)

    def dialect_under(self, schedule: DrawnSchedule) -> Dialect:
        """Return the dialect that is spoken when ``schedule`` decides who goes next."""
        kinds = {wish.kind for wish in schedule.wishes}
        if Kind.STALL in kinds:
            return self.dialect.stalling()
        return self.dialect.shuffled() if kinds & {Kind.RUN, Kind.HOLD} else self.dialect


INTERPRETERS: Final = (
    Interpreter("anyio on asyncio", "anyio", "asyncio", ANYIO_ON_ASYNCIO),
    Interpreter("anyio on trio", "anyio", "trio", TRIO),
    Interpreter("trio", "trio", "trio", TRIO, (("create_task_group", "open_nursery"),)),
    Interpreter("concurrency on asyncio", "concurrency", "asyncio", CONCURRENCY_ON_ASYNCIO),
    Interpreter("concurrency on trio", "concurrency", "trio", CONCURRENCY_ON_TRIO),
)
"""The libraries that the model is checked against."""


def observe(program: Program, interpreter: Interpreter, schedule: DrawnSchedule = CALM) -> Outcome:
    """Run ``program`` once in a simulated world, and return what was seen.

    The backend is the interpreter's, whatever ``schedule`` says.

    Raises:
        UsageError: the schedule cancels a task.
    """
    with Observer() as observer:
        return observer.observe(program, interpreter, schedule)


@final
class Observer:
    """Runs one program after another; a context manager, which keeps the worlds they run in."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._runners: dict[str, Runner] = {}
        self._program: Program | None = None
        self._interpreter: Interpreter | None = None
        self._notes: list[tuple[str, int]] = []
        self._ended = 0

    def __enter__(self) -> Self:
        """Return the observer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the worlds."""
        self._runners.clear()
        self._stack.__exit__(kind, error, trace)

    def observe(
        self, program: Program, interpreter: Interpreter, schedule: DrawnSchedule = CALM
    ) -> Outcome:
        """Run ``program`` once and return what was seen. See :func:`observe`."""
        if any(wish.kind is Kind.CANCEL for wish in schedule.wishes):
            raise UsageError(
                "the model knows no cancellation from outside the program: observe programs with "
                f"schedules(cancel=False), not {schedule!r}"
            )
        self._program, self._interpreter = program, interpreter
        self._notes = []
        runner = self._runner(interpreter.backend)
        plan = Plan(schedule.seed, schedule.scheduler(), schedule.injected(), label="drawn")
        outcome = runner.run(plan)
        return Outcome(_raised(outcome.failure), self._ended, tuple(self._notes))

    def _runner(self, backend: str) -> Runner:
        if backend not in self._runners:
            runner = Runner(self._main, (), World(backend, 0, LIMITS), warm_up=False)
            self._runners[backend] = self._stack.enter_context(runner)
        return self._runners[backend]

    async def _main(self) -> None:
        assert self._program is not None
        assert self._interpreter is not None
        try:
            await self._interpreter.main(self._program, self._note)()
        finally:
            self._ended = from_seconds(current().now)

    def _note(self, name: str) -> None:
        self._notes.append((name, from_seconds(current().now)))


def _raised(error: BaseException | None) -> Raised | None:
    match error:
        case None:
            return None
        case PlannedError():
            return str(error)
        case BaseExceptionGroup():
            inner = map(_raised, error.exceptions)
            return grouped([each for each in inner if each is not None])
        case _ if type(error).__name__ == "TooSlowError":
            # trio's word for it.
            return TIMEOUT
        case _:
            return type(error).__name__
