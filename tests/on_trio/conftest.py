"""Programs on trio, each run in a simulated world of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Protocol

import pytest

from simclock.kernel import Limits
from simclock.on_trio.run import execute, new_timeline
from simclock.schedulers import Profile, UniformScheduler
from simclock.schedules import Deviation
from simclock.simulation.boundary import boundary
from simclock.simulation.outcome import Outcome
from simclock.simulation.simulation import Simulation
from simclock.simulation.unawaited import listening

PATIENT = Limits(wall_time=10)
Main = Callable[..., Coroutine[Any, Any, Any]]


def make_simulation(
    *,
    seed: int | None = None,
    scheduler: Any = None,
    limits: Limits = PATIENT,
    injected: tuple[Deviation, ...] = (),
    observing: bool = False,
) -> Simulation:
    if seed is not None:
        scheduler = UniformScheduler()
        scheduler.begin(random.Random(seed), Profile())
    return Simulation(
        backend="trio",
        seed=seed or 0,
        scheduler=scheduler,
        limits=limits,
        timeline=new_timeline(),
        interventions=iter(injected),
        observing=observing,
    )


@pytest.fixture
def new_simulation() -> Callable[..., Simulation]:
    """Make a simulation: calm, or uniformly random with ``seed=``."""
    return make_simulation


class Run(Protocol):
    def __call__(self, main: Main, *args: Any, **world: Any) -> Outcome: ...


@pytest.fixture
def run() -> Iterator[Run]:
    """Run a main to its end: calm, or uniformly random with ``seed=``; returns the outcome."""
    unawaited: list[str] = []

    def run_once(
        main: Main, *args: Any, scoped: frozenset[int] = frozenset(), **world: Any
    ) -> Outcome:
        unawaited.clear()
        return execute(
            make_simulation(**world), main, args, unawaited=unawaited, scoped_lanes=scoped
        )

    with boundary(), listening(unawaited):
        yield run_once


@pytest.fixture
def value(run: Run) -> Callable[..., Any]:
    """Run a main that must succeed; returns what it returned."""

    def value_of(main: Main, *args: Any, **world: Any) -> Any:
        outcome = run(main, *args, **world)
        if outcome.failure is not None:
            raise outcome.failure
        return outcome.value

    return value_of
