"""What a conformance kit is: promises, each a scenario that fails where the promise is broken."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict, cast, final

import simclock
from properties.conformance.checks import check_choice
from properties.conformance.ground import Ground, Style
from properties.conformance.verdicts import ConformanceError, PromiseVerdict, Report
from simclock.errors import UsageError

__all__ = ["POLLING", "Make", "Options", "Promise", "Scenario", "examine"]

# Scenarios take some hundred steps, and more if the subject polls: up to a hundred seconds long, or
# without a pause, when the clock of a simulated world moves on by itself after some ten thousand
# steps in which nothing else happens. What takes more will never end, and costs some seconds.
_STEPS: Final = 40_000
# Where many poll, or for long.
POLLING: Final = 100_000
Make = Callable[[], Any]
Scenario = Callable[[Make, Ground], Awaitable[None]]


class Options(TypedDict, total=False):
    """What every kit takes besides the factory and the facts of its subject.

    ``backend``: one or several, by default ``("asyncio", "trio")``. ``schedules``: how many are
    explored for each promise and backend, by default 200. ``seed``: what they are drawn from, by
    default 0. ``style``: ``"anyio"``, the default, starts and cancels tasks as AnyIO does;
    ``"asyncio"`` natively, and only there. ``without``: promises that are not made, by default
    none. ``name``: what the report calls the subject, by default the name of the factory.
    """

    backend: str | Sequence[str]
    schedules: int
    seed: int
    style: Style
    without: Sequence[str]
    name: str | None


@final
@dataclass(frozen=True, slots=True)
class Promise:
    """One promise of a kit: a name, the scenario, and what else befalls it.

    ``cancel`` cancels any one task of the scenario at any step; ``stalls`` lets time pass.
    ``steps`` is how many the scenario may take before it counts as one that never ends.
    """

    name: str
    scenario: Scenario
    cancel: bool = False
    stalls: bool = False
    steps: int = _STEPS


@final
@dataclass(frozen=True, slots=True)
class _Settings:
    """The options of one examination, each checked and with its default in place."""

    backends: tuple[str, ...]
    schedules: int = 200
    seed: int = 0
    style: Style = "anyio"
    without: Sequence[str] = ()
    name: str | None = None


def examine(
    kit: str,
    factory: Make,
    needs: Sequence[str],
    promises: Sequence[Promise],
    options: Options,
) -> Report:
    """Explore each promise on each backend and return the verdicts.

    ``needs`` names the methods of what ``factory`` makes; with none it makes a function.

    Raises:
        UsageError: what ``factory`` makes lacks a method or cannot be called, or an option is
            unknown or of another form.
    """
    settings = _settle(kit, promises, options)
    if not callable(factory):
        raise UsageError(f"a kit takes a factory that makes a new {kit} each time, not {factory!r}")
    for backend in settings.backends:
        simclock.run(_check_methods, kit, factory, needs, backend=backend)
    verdicts = [
        _explore(promise, factory, backend, settings)
        for backend in settings.backends
        for promise in promises
        if promise.name not in settings.without
    ]
    made = settings.name or str(getattr(factory, "__qualname__", type(factory).__qualname__))
    return Report(kit, made, tuple(verdicts))


def _settle(kit: str, promises: Sequence[Promise], options: Options) -> _Settings:
    given = cast("dict[str, Any]", dict(options))
    # A type checker refuses these, and not everybody has one.
    strange = sorted(set(given) - set(Options.__annotations__))
    if strange:
        known = ", ".join(Options.__annotations__)
        raise UsageError(f"the {kit} kit has no option {strange[0]!r}; every kit has {known}")
    style = given.get("style", "anyio")
    check_choice("style", style, "anyio", "asyncio")
    without: Any = given.get("without", ())
    if isinstance(without, str) or not hasattr(without, "__iter__"):
        raise UsageError(f"without takes a tuple of promises, as in ('fair',), not {without!r}")
    given["without"] = tuple(without)
    unknown = sorted(set(given["without"]) - _names(promises))
    if unknown:
        names = ", ".join(repr(promise.name) for promise in promises)
        raise UsageError(
            f"the {kit} kit has no promise {unknown[0]!r} to go without; it has {names}"
        )
    native = style == "asyncio"
    backend: Any = given.pop("backend", "asyncio" if native else ("asyncio", "trio"))
    backends = (backend,) if isinstance(backend, str) else tuple(backend)
    if not backends:
        raise UsageError("backend names one backend or several, and not none")
    if native and backends != ("asyncio",):
        raise UsageError(f"style='asyncio' goes with backend='asyncio', not with {backend!r}")
    return _Settings(backends, **given)


def _names(promises: Sequence[Promise]) -> set[str]:
    return {promise.name for promise in promises}


def _explore(promise: Promise, factory: Make, backend: str, settings: _Settings) -> PromiseVerdict:
    explored = simclock.explore(
        _scenario,
        promise.scenario,
        factory,
        settings.style,
        backend=backend,
        schedules=settings.schedules,
        seed=settings.seed,
        cancel="tasks" if promise.cancel else False,
        stalls=None if promise.stalls else 0.0,
        limits=simclock.Limits(steps=promise.steps),
        on_failure="return",
    )
    return PromiseVerdict(promise.name, backend, explored.schedules_run, explored.failure)


async def _scenario(scenario: Scenario, factory: Make, style: Style) -> None:
    ground = Ground(style)
    try:
        await scenario(factory, ground)
    finally:
        # Here and now: the collector would come across them at a moment of its own.
        left = ground.close_unstarted()
    if left:
        raise ConformanceError(f"{left} of the awaitables were neither begun nor closed")


async def _check_methods(kit: str, factory: Make, needs: Sequence[str]) -> None:
    made = factory()
    missing = [name for name in needs if not callable(getattr(made, name, None))]
    if missing:
        raise UsageError(
            f"a {kit} needs the methods {', '.join(needs)}, and {type(made).__name__} lacks "
            f"{', '.join(missing)}: write a small adapter that has them"
        )
    if not needs and not callable(made):
        if inspect.iscoroutine(made):
            made.close()
        raise UsageError(
            f"the factory of a {kit} returns the function to examine, and this one returned "
            f"{made!r}: put a lambda around it"
        )
