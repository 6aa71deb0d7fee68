"""Who steps next: one file for each scheduler, and the names under which they are asked for."""

from simclock.schedulers.delays import DelayScheduler
from simclock.schedulers.exhaustive import ExhaustiveScheduler
from simclock.schedulers.fifo import FifoScheduler
from simclock.schedulers.follow import FollowScheduler
from simclock.schedulers.holds import HoldScheduler
from simclock.schedulers.pct import PctScheduler
from simclock.schedulers.portfolio import Member, Portfolio
from simclock.schedulers.pos import PosScheduler
from simclock.schedulers.protocol import (
    LaneKey,
    Profile,
    RunView,
    Scheduler,
    SystematicScheduler,
)
from simclock.schedulers.registry import Factory, known_names, parse, register, resolve
from simclock.schedulers.replay import ReplayScheduler
from simclock.schedulers.uniform import UniformScheduler
from simclock.schedulers.urw import UrwScheduler

__all__ = [
    "DelayScheduler",
    "ExhaustiveScheduler",
    "Factory",
    "FifoScheduler",
    "FollowScheduler",
    "HoldScheduler",
    "LaneKey",
    "Member",
    "PctScheduler",
    "Portfolio",
    "PosScheduler",
    "Profile",
    "ReplayScheduler",
    "RunView",
    "Scheduler",
    "SystematicScheduler",
    "UniformScheduler",
    "UrwScheduler",
    "known_names",
    "parse",
    "register",
    "resolve",
]
