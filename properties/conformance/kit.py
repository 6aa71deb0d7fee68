"""What a conformance kit is: promises, each a scenario that fails where the promise is broken."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, final

import anyio
from anyio.lowlevel import checkpoint

import simclock
from simclock.errors import UsageError

__all__ = ["ConformanceError", "Ground", "Promise", "PromiseVerdict", "Report", "call", "examine"]

# Scenarios take some hundred steps: what takes more will never end.
_LIMITS: Final = simclock.Limits(steps=5_000)
Style = Literal["anyio", "asyncio"]
Factory = Callable[[], Any]


@final
class ConformanceError(AssertionError):
    """An implementation does not keep a promise; the text has the schedule that shows it."""


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


Scenario = Callable[[Factory, Ground], Awaitable[None]]


@final
@dataclass(frozen=True, slots=True)
class Promise:
    """One promise of a kit: a name, the scenario, and what else befalls it.

    ``cancel`` cancels any one task of the scenario at any step; ``stalls`` lets time pass.
    """

    name: str
    scenario: Scenario
    cancel: bool = False
    stalls: bool = False


@final
@dataclass(frozen=True, slots=True)
class PromiseVerdict:
    """Whether a promise was kept on a backend in ``schedules`` runs, and how it was broken."""

    promise: str
    backend: str
    schedules: int
    failure: simclock.Failure | None = None

    @property
    def kept(self) -> bool:
        """Whether no schedule broke the promise."""
        return self.failure is None

    def __str__(self) -> str:
        """Return the verdict on one line."""
        if self.failure is None:
            return f"kept    {self.promise} ({self.backend}, {self.schedules} schedules)"
        error: BaseException = self.failure.exception
        while isinstance(error, BaseExceptionGroup):
            error = _first(error)
        first = (str(error).splitlines() or [""])[0]
        return f"BROKEN  {self.promise} ({self.backend}): {type(error).__name__}: {first}"


def _first(group: Any) -> BaseException:
    found: BaseException = group.exceptions[0]
    return found


@final
@dataclass(frozen=True, slots=True)
class Report:
    """The verdicts of a kit on an implementation."""

    kit: str
    subject: str
    verdicts: tuple[PromiseVerdict, ...]

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return all(verdict.kept for verdict in self.verdicts)

    @property
    def broken(self) -> tuple[str, ...]:
        """The names of the promises that were broken, each once."""
        return tuple(dict.fromkeys(v.promise for v in self.verdicts if not v.kept))

    def assert_kept(self) -> None:
        """Raise :class:`ConformanceError`, with the whole report of a failure, if there is one."""
        for verdict in self.verdicts:
            if verdict.failure is not None:
                raise ConformanceError(
                    f"{self.subject} does not keep a promise of a {self.kit}: {verdict.promise}\n"
                    f"{verdict.failure.report()}"
                ) from verdict.failure.exception

    def __str__(self) -> str:
        """Return a line for each verdict."""
        return "\n".join([f"{self.kit}: {self.subject}", *(f"  {v}" for v in self.verdicts)])


def examine(
    kit: str,
    factory: Factory,
    needs: Sequence[str],
    promises: Sequence[Promise],
    *,
    backend: str | Sequence[str],
    schedules: int,
    seed: int,
    style: Style,
    without: Sequence[str],
    name: str | None,
) -> Report:
    """Explore each promise on each backend and return the verdicts.

    Raises:
        UsageError: what ``factory`` makes lacks a method of ``needs``, or an option is unknown.
    """
    if not callable(factory):
        raise UsageError(f"a kit takes a factory that makes a new {kit} each time, not {factory!r}")
    if style not in {"anyio", "asyncio"}:
        raise UsageError(f"style is 'anyio' or 'asyncio', not {style!r}")
    unknown = sorted(set(without) - {promise.name for promise in promises})
    if unknown:
        known = ", ".join(repr(promise.name) for promise in promises)
        raise UsageError(f"the {kit} kit has no promise {unknown[0]!r}; it has {known}")
    backends = (backend,) if isinstance(backend, str) else tuple(backend)
    for each in backends:
        simclock.run(_check_methods, kit, factory, needs, backend=each)
    verdicts = [
        _explore(promise, factory, each, schedules=schedules, seed=seed, style=style)
        for each in backends
        for promise in promises
        if promise.name not in without
    ]
    made = name or str(getattr(factory, "__qualname__", type(factory).__qualname__))
    return Report(kit, made, tuple(verdicts))


def _explore(
    promise: Promise, factory: Factory, backend: str, *, schedules: int, seed: int, style: Style
) -> PromiseVerdict:
    explored = simclock.explore(
        _scenario,
        promise.scenario,
        factory,
        Ground(style),
        backend=backend,
        schedules=schedules,
        seed=seed,
        cancel="tasks" if promise.cancel else False,
        stalls=None if promise.stalls else 0.0,
        limits=_LIMITS,
        on_failure="return",
    )
    return PromiseVerdict(promise.name, backend, explored.schedules_run, explored.failure)


async def _scenario(scenario: Scenario, factory: Factory, ground: Ground) -> None:
    await scenario(factory, ground)


async def _check_methods(kit: str, factory: Factory, needs: Sequence[str]) -> None:
    made = factory()
    missing = [name for name in needs if not callable(getattr(made, name, None))]
    if missing:
        raise UsageError(
            f"a {kit} needs the methods {', '.join(needs)}, and {type(made).__name__} lacks "
            f"{', '.join(missing)}: write a small adapter that has them"
        )
