"""What the plugin has to know of pytest's privates, each fact in one function.

A pytest that has moved one of them is refused with a sentence when the session starts, instead
of running tests with the wrong fixtures.
"""

# ruff: noqa: SLF001 - this is the one file for it.

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import argparse

__all__ = [
    "argument_names",
    "declare_fresh",
    "fixture_definitions",
    "forget_output",
    "hand_back",
    "look_up",
    "missing",
    "overridden_value",
    "parameters",
    "request_of",
]

Definition = pytest.FixtureDef[Any]


def missing(item: pytest.Function) -> str | None:
    """Return what ``item`` lacks of all that this file relies on, or ``None``."""
    wanted = {
        "_fixtureinfo": ("argnames", "name2fixturedefs"),
        "_request": ("_arg2fixturedefs", "_fixture_defs", "getfixturevalue"),
    }
    for name, members in wanted.items():
        found = getattr(item, name, None)
        for member in members:
            if not hasattr(found, member):
                return f"pytest.Function.{name}.{member}"
    if not hasattr(getattr(item.session, "_fixturemanager", None), "getfixturedefs"):
        return "pytest.Session._fixturemanager.getfixturedefs"
    return None


def argument_names(item: pytest.Function) -> tuple[str, ...]:
    """Return the names of the arguments of the test that are fixtures or parameters."""
    return tuple(_private(item)._fixtureinfo.argnames)


def fixture_definitions(item: pytest.Function) -> Mapping[str, Sequence[Definition]]:
    """Return what defines each fixture that ``item`` is known to use, the closest one last."""
    found: Mapping[str, Sequence[Definition]] = _private(item)._fixtureinfo.name2fixturedefs
    return found


def look_up(item: pytest.Function, name: str) -> Sequence[Definition]:
    """Return what defines the fixture ``name`` that ``item`` asks for while it runs."""
    return _private(item.session)._fixturemanager.getfixturedefs(name, item) or ()


def parameters(item: pytest.Function) -> Mapping[str, object]:
    """Return the parameters of ``item`` and of its parametrized fixtures."""
    callspec: Any = getattr(item, "callspec", None)
    return {} if callspec is None else callspec.params


def request_of(item: pytest.Function) -> pytest.FixtureRequest:
    """Return the request of the test itself."""
    request: pytest.FixtureRequest = _private(item)._request
    return request


def overridden_value(item: pytest.Function, name: str, level: int) -> Any:
    """Return the value of a fixture that one of its own name overrides.

    ``level`` counts from the closest definition outwards: -1, -2, …
    """
    request = _private(request_of(item))
    definitions = request._arg2fixturedefs[name]
    request._arg2fixturedefs[name] = definitions[: level + 1]
    try:
        return request.getfixturevalue(name)
    finally:
        request._arg2fixturedefs[name] = definitions
        # What asks for the name next means the closest definition again.
        request._fixture_defs.pop(name, None)


def declare_fresh(item: pytest.Function, names: Iterable[str]) -> None:
    """Tell Hypothesis that these fixtures are made anew for each example.

    It looks at the scope of every fixture of a test, and refuses those of function scope because
    pytest would make them once for all examples.
    """
    for name in names:
        _private(request_of(item))._fixture_defs[name] = _Fresh()


class _Fresh:
    """What Hypothesis finds in place of the definition of such a fixture."""

    scope = "simulated run"
    _scope = None
    cached_result = (None, None, None)


def forget_output(config: pytest.Config) -> None:
    """Drop what was printed and logged by earlier runs of the test now running.

    A failure is then shown with the output of the run that failed. Where pytest keeps its
    output elsewhere, that of all runs is shown.
    """
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    if capture is not None and capture.is_globally_capturing():
        capture.read_global_capture()
    logging: Any = config.pluginmanager.get_plugin("logging-plugin")
    for name in ("report_handler", "caplog_handler"):
        reset = getattr(getattr(logging, name, None), "reset", None)
        if reset is not None:
            reset()


def hand_back(namespace: argparse.Namespace, argument: str) -> bool:
    """Give an argument back to argparse as one that no option took; tell whether it could be."""
    import argparse  # noqa: PLC0415 - its private name is read when it is needed, and only then

    name = getattr(argparse, "_UNRECOGNIZED_ARGS_ATTR", None)
    if name is None:
        return False
    vars(namespace).setdefault(name, []).append(argument)
    return True


def _private(thing: object) -> Any:
    """Return ``thing`` as something whose private members the type checkers don't watch."""
    return thing
