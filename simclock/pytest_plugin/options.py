"""What the command line and the markers ask for, as one plan for each test."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import pytest

from simclock.errors import SimulationError, UsageError
from simclock.pytest_plugin import _seams
from simclock.schedules import Schedule, decode

__all__ = ["MARKER_OPTIONS", "Options", "add_options", "options_of", "read_marker"]

DEFAULT_SCHEDULES: Final = 1_000
# A whole suite that was not written to be explored should still end within minutes.
SUITE_SCHEDULES: Final = 100

MARKER_OPTIONS: Final = (
    "schedules",
    "scheduler",
    "backend",
    "seed",
    "cancel",
    "workers",
    "stalls",
    "limits",
    "epoch",
    "reorder",
)

_SUITE: Final = "suite"


@final
@dataclass(frozen=True, slots=True)
class Options:
    """The command line: what was not given is ``None``.

    ``suite`` is the number of schedules for tests that other plugins would run, or ``None`` if
    these are left alone.
    """

    suite: int | None = None
    schedules: int | None = None
    seed: int | None = None
    scheduler: str | None = None
    replay: Schedule | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict[str, Any])


class _OptionalNumber(argparse.Action):
    """Take ``--simulate`` and ``--simulate=N``, and leave ``--simulate tests/`` its path."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Store the number, or store that none was given and hand a path back."""
        del option_string
        text = str(values)
        if values in (None, _SUITE) or text.isdecimal():
            setattr(namespace, self.dest, text if text.isdecimal() else _SUITE)
            return
        if not _seams.hand_back(namespace, text):
            parser.error(f"--simulate takes a number after '=': write {text} before --simulate")
        setattr(namespace, self.dest, _SUITE)


def add_options(parser: pytest.Parser) -> None:
    """Add the command-line options."""
    group = parser.getgroup("simclock", "deterministic simulation (simclock)")
    group.addoption(
        "--simulate",
        action=_OptionalNumber,
        nargs="?",
        const=_SUITE,
        default=None,
        metavar="SCHEDULES",
        help="Run the async tests of anyio, pytest-asyncio and pytest-trio in the simulation, "
        f"each under this many schedules ({SUITE_SCHEDULES} unless told: --simulate=N).",
    )
    group.addoption(
        "--schedules",
        type=int,
        default=None,
        metavar="N",
        help="Explore this many schedules of each simulated test, whatever its marker says.",
    )
    group.addoption(
        "--seed",
        type=int,
        default=None,
        metavar="N",
        help="The seed of every simulated test, whatever its marker says.",
    )
    group.addoption(
        "--scheduler",
        default=None,
        metavar="NAME",
        help="The scheduler of every simulated test, such as pct:3, whatever its marker says.",
    )
    group.addoption(
        "--replay",
        default=None,
        metavar="TEXT",
        help="Run one simulated test once, under the schedule that a report printed.",
    )


def options_of(config: pytest.Config) -> Options:
    """Return what the command line asks for; refuse what it cannot mean."""
    simulate: str | None = config.getoption("--simulate")
    replay: str | None = config.getoption("--replay")
    numbers: dict[str, int | None] = {
        name: config.getoption(f"--{name}") for name in ("schedules", "seed")
    }
    least = {"schedules": 1, "seed": 0}
    for name, number in numbers.items():
        if number is not None and number < least[name]:
            raise pytest.UsageError(f"--{name} takes a whole number >= {least[name]}, not {number}")
    suite = None
    if simulate is not None:
        suite = SUITE_SCHEDULES if simulate == _SUITE else int(simulate)
        if suite < 1:
            raise pytest.UsageError("--simulate=N takes a whole number >= 1, not 0")
    scheduler: str | None = config.getoption("--scheduler")
    try:
        _check_scheduler(scheduler)
        schedule = None if replay is None else decode(replay)
    except SimulationError as error:
        raise pytest.UsageError(str(error)) from None
    given = {**numbers, "scheduler": scheduler}
    overrides = {name: value for name, value in given.items() if value is not None}
    return Options(suite, numbers["schedules"], numbers["seed"], scheduler, schedule, overrides)


def _check_scheduler(name: str | None) -> None:
    if name is not None:
        from simclock.schedulers import resolve  # noqa: PLC0415 - most sessions name none

        resolve(name)


def read_marker(item: pytest.Item) -> dict[str, Any] | None:
    """Return what the ``simulate`` markers of ``item`` say, the closest first; ``None`` if none.

    Raises :class:`~simclock.errors.UsageError` for arguments that the marker does not take.
    """
    merged: dict[str, Any] | None = None
    for mark in item.iter_markers("simulate"):
        if mark.args:
            shown = ", ".join(map(repr, mark.args))
            raise UsageError(
                f"@pytest.mark.simulate({shown}) takes options by name: write schedules={shown}"
                if len(mark.args) == 1 and isinstance(mark.args[0], int)
                else f"@pytest.mark.simulate({shown}) takes options by name only: "
                f"{', '.join(MARKER_OPTIONS)}"
            )
        unknown = [name for name in mark.kwargs if name not in MARKER_OPTIONS]
        if unknown:
            raise UsageError(
                f"@pytest.mark.simulate takes no {unknown[0]!r}; it takes "
                f"{', '.join(MARKER_OPTIONS)}"
            )
        merged = {**mark.kwargs, **(merged or {})}
    return merged
