"""Who steps next: one file for each scheduler, and the names under which they are asked for."""

from simclock.schedulers.fifo import FifoScheduler
from simclock.schedulers.follow import FollowScheduler
from simclock.schedulers.protocol import (
    LaneKey,
    Profile,
    RunView,
    Scheduler,
    SystematicScheduler,
)
from simclock.schedulers.registry import known_names, parse, register, resolve
from simclock.schedulers.replay import ReplayScheduler
from simclock.schedulers.uniform import UniformScheduler

__all__ = [
    "FifoScheduler",
    "FollowScheduler",
    "LaneKey",
    "Profile",
    "ReplayScheduler",
    "RunView",
    "Scheduler",
    "SystematicScheduler",
    "UniformScheduler",
    "known_names",
    "parse",
    "register",
    "resolve",
]
