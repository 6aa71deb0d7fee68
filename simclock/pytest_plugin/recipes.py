"""Which fixtures of a simulated test live in the world, and are made anew in each run.

In the world: fixtures of function scope, async fixtures whatever their scope (a loop does not
outlive its run), whatever depends on these, and pytest's own ``monkeypatch``. Once, outside, as
in any test: sync fixtures of wider scope, parameters, and what pytest itself provides
(``tmp_path``, ``capsys``, ``caplog``, …); these are emptied before each further run.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Final, final

import pytest

from simclock.pytest_plugin import _seams

__all__ = ["Definition", "Placeholder", "Recipes", "is_async"]

Definition = pytest.FixtureDef[Any]

# The backend decides in which world a test runs, so it is chosen before there is one.
_BEFORE_THE_WORLD: Final = frozenset(
    {"anyio_backend", "anyio_backend_name", "anyio_backend_options"}
)
# Numbers that the operating system hands out would make two runs of one schedule differ.
_PORTS: Final = frozenset({"free_tcp_port", "free_udp_port", "unused_tcp_port", "unused_udp_port"})


@final
class Placeholder:
    """Stands in ``item.funcargs`` for a fixture that each run makes for itself."""

    def __repr__(self) -> str:
        """Say what it stands for, for whoever prints the arguments of a test."""
        return "<made anew in each simulated run>"


def is_async(definition: Definition) -> bool:
    """Tell whether the fixture's function has to be awaited or iterated asynchronously."""
    function = definition.func
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


@final
class Recipes:
    """What is known of the fixtures of one test before it runs."""

    def __init__(self, item: pytest.Function) -> None:
        """Sort the fixtures of ``item``."""
        self.item = item
        self._known = _seams.fixture_definitions(item)
        self._inside: dict[Definition, bool] = {}

    def definitions(self, name: str) -> Sequence[Definition]:
        """Return what defines ``name`` for this test, the closest definition last."""
        return self._known.get(name) or _seams.look_up(self.item, name)

    def names(self) -> list[str]:
        """Return the fixtures to be made in each run, in pytest's order."""
        found: list[str] = []
        for name in self.item.fixturenames:
            definitions = self._known.get(name)
            if definitions and self.is_inside(definitions[-1]):
                found.append(name)
        return found

    def is_inside(self, definition: Definition) -> bool:
        """Tell whether ``definition`` lives in the world."""
        found = self._inside.get(definition)
        if found is None:
            # An answer for the fixture itself first: a fixture may ask for one of its own name.
            self._inside[definition] = False
            found = self._inside[definition] = self._decide(definition)
        return found

    def needs_await(self, definition: Definition) -> bool:
        """Tell whether making ``definition`` runs async code, its own or another fixture's."""
        if not self.is_inside(definition):
            return False
        return is_async(definition) or any(
            self.needs_await(below)
            for name in definition.argnames
            for below in self._below(definition, name)
        )

    def _decide(self, definition: Definition) -> bool:
        name = definition.argname
        if name in _BEFORE_THE_WORLD or name in _PORTS:
            return False
        if is_async(definition):
            return True
        module: str = getattr(definition.func, "__module__", None) or ""
        if module.startswith("_pytest."):
            is_setup_function = name.startswith("_xunit_setup_")
            return definition.scope == "function" and (is_setup_function or name == "monkeypatch")
        if definition.scope == "function":
            return True
        return any(
            self.is_inside(below)
            for argument in definition.argnames
            for below in self._below(definition, argument)
        )

    def _below(self, definition: Definition, name: str) -> Sequence[Definition]:
        """Return what ``definition`` may get for its argument ``name``."""
        if name == "request":
            return ()
        found = list(self.definitions(name))
        if name == definition.argname:
            # Only those that it overrides.
            return found[: found.index(definition)] if definition in found else ()
        return found[-1:]
