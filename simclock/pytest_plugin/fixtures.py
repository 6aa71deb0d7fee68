"""The fixtures that a simulated test can ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import final

import pytest

from simclock.simulation.current import current_or_none
from simclock.simulation.simulation import Simulation

__all__ = ["SimulationClock", "simulation", "simulation_clock"]


@final
class SimulationClock:
    """The clock of the running simulation."""

    def __init__(self, simulation: Simulation) -> None:
        """Tell the time of ``simulation``."""
        self._simulation = simulation

    @property
    def now(self) -> float:
        """Virtual seconds since the run began, as the loop's own clock shows them."""
        return self._simulation.now

    @property
    def date(self) -> datetime:
        """The simulated date, in UTC."""
        return datetime.fromtimestamp(self._simulation.epoch + self._simulation.now, UTC)

    def stall(self, seconds: float) -> None:
        """Let ``seconds`` pass at once, as if the machine were slow: no task runs meanwhile."""
        self._simulation.stall(seconds)

    async def settle(self) -> None:
        """Wait until every other task is blocked; no time passes meanwhile."""
        await self._simulation.settle()


@pytest.fixture
def simulation(request: pytest.FixtureRequest) -> Simulation:
    """Give the running simulation: now, seed, random("purpose"), trace, settle(), stall()."""
    return _require_simulation("simulation", request)


@pytest.fixture
def simulation_clock(request: pytest.FixtureRequest) -> SimulationClock:
    """Give the clock of the running simulation: now, date, stall(seconds), settle()."""
    return SimulationClock(_require_simulation("simulation_clock", request))


def _require_simulation(name: str, request: pytest.FixtureRequest) -> Simulation:
    found = current_or_none()
    if found is None:
        pytest.fail(
            f"fixture {name!r} is for simulated tests, and {request.node.name} is not one: mark it "
            "with @pytest.mark.simulate, or run it with --simulate",
            pytrace=False,
        )
    return found
