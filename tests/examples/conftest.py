"""Examples are programs, not modules of a package: tests load them by their file."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import simclock

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def load_example() -> Callable[[str], ModuleType]:
    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def accused() -> Callable[..., str | None]:
    """Explore a correct program; return the report if it is accused of anything."""

    def explore(program: Any, *, cancel: bool, schedules: int, **options: Any) -> str | None:
        done = simclock.explore(
            program, schedules=schedules, cancel=cancel, on_failure="return", **options
        )
        return None if done.failure is None else done.failure.report()

    return explore
