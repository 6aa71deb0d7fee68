"""Deterministic simulation testing for async Python: asyncio, trio and anyio."""

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
    "current",
    "eventually",
    "explore",
    "reachable",
    "replay",
    "run",
    "sometimes",
    "unreachable",
]
