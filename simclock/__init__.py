"""Deterministic simulation testing for async Python: asyncio, trio and anyio."""

import importlib
from typing import TYPE_CHECKING, Any

from simclock.errors import (
    CallbackError,
    DeadlockError,
    LeakError,
    LivelockError,
    NestedSimulationError,
    NeverAwaitedError,
    NondeterminismError,
    NoSimulationError,
    OutsideSimulationError,
    PromiseBrokenError,
    ReplayDivergedError,
    ScheduleTextError,
    SimulationError,
    UnretrievedExceptionError,
    UnseenError,
    UsageError,
    WallTimeError,
)
from simclock.exploration import Exploration, Failure, Progress, explore, replay, run
from simclock.kernel import Lane, Limits
from simclock.schedulers import Profile, Scheduler
from simclock.schedules import Deviation, Kind, Schedule
from simclock.simulation.current import current
from simclock.simulation.promises import always, eventually, reachable, sometimes, unreachable
from simclock.simulation.simulation import Simulation

if TYPE_CHECKING:
    from simclock.on_asyncio import asyncio_backend

__all__ = [
    "CallbackError",
    "DeadlockError",
    "Deviation",
    "Exploration",
    "Failure",
    "Kind",
    "Lane",
    "LeakError",
    "Limits",
    "LivelockError",
    "NestedSimulationError",
    "NeverAwaitedError",
    "NoSimulationError",
    "NondeterminismError",
    "OutsideSimulationError",
    "Profile",
    "Progress",
    "PromiseBrokenError",
    "ReplayDivergedError",
    "Schedule",
    "ScheduleTextError",
    "Scheduler",
    "Simulation",
    "SimulationError",
    "UnretrievedExceptionError",
    "UnseenError",
    "UsageError",
    "WallTimeError",
    "always",
    "asyncio_backend",
    "current",
    "eventually",
    "explore",
    "reachable",
    "replay",
    "run",
    "sometimes",
    "unreachable",
]

# Names of the backends, which import asyncio or trio: those wait until they are asked for.
_BACKEND_NAMES = {"asyncio_backend": "simclock.on_asyncio", "trio_backend": "simclock.on_trio"}


def __getattr__(name: str) -> Any:
    module = _BACKEND_NAMES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(module), name)
