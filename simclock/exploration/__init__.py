"""Explore: run, vary, stop, shrink, certify; in one process or several."""

from simclock.exploration.api import explore, replay, run
from simclock.exploration.explore import Exploration, Failure, Progress

__all__ = ["Exploration", "Failure", "Progress", "explore", "replay", "run"]
