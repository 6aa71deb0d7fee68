"""pytest plugin: async tests and their fixtures in simulated worlds, under many schedules.

``@pytest.mark.simulate`` on an ``async def`` test explores it; ``pytest --simulate`` does so with
the tests of anyio, pytest-asyncio and pytest-trio as they are. Each schedule is a run of its own:

- Fixtures of function scope, sync and async, are made and undone inside every run, on its
  virtual clock, and what fails in them fails the run. So are async fixtures of any wider scope
  (a loop does not outlive its run), fixtures that use one of these, ``setup_method`` and
  ``setup_function``, the instance of the test's class, and ``monkeypatch``.
- Sync fixtures of class, module, package and session scope are made once, outside, as ever.
- What pytest itself provides is made once as well. Before each further run ``tmp_path`` is
  emptied, and ``capsys``, ``caplog``, ``recwarn`` and pytest's own captured output start anew.

Failing schedules are kept under ``.simclock/failures`` in the root directory; the next session
replays them first, and forgets those that no longer fit or no longer fail.
"""

from __future__ import annotations

import pytest

from simclock.pytest_plugin.fixtures import SimulationClock, simulation, simulation_clock
from simclock.pytest_plugin.options import add_options, options_of

__all__ = [
    "SimulationClock",
    "pytest_addoption",
    "pytest_configure",
    "simulation",
    "simulation_clock",
]

_MARKER = (
    "simulate(schedules=1000, scheduler='portfolio', backend='asyncio', seed=0, cancel=False, "
    "workers=1, stalls=None, limits=…, epoch=…, reorder='tasks'): run an async test in the "
    "simulation, under many schedules."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --simulate, --schedules, --seed, --scheduler and --replay."""
    add_options(parser)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the hooks after those of all other plugins."""
    from simclock.pytest_plugin.hooks import Hooks  # noqa: PLC0415 - `pytest --help` needs no simulation

    config.addinivalue_line("markers", _MARKER)
    config.pluginmanager.register(Hooks(config, options_of(config)), "simclock-hooks")
