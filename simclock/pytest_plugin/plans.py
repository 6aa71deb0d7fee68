"""Which tests are simulated, and how: the marker, the command line, and other plugins' tests."""

from __future__ import annotations

import inspect
import unittest
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, final

import pytest

from simclock.errors import UsageError
from simclock.pytest_plugin.options import DEFAULT_SCHEDULES, Options, read_marker

__all__ = ["TestPlan", "inner_function", "plan_test", "settle_backends"]

_WORLD: Final = ("limits", "epoch", "reorder")
# Stands for the backend that the fixture anyio_backend names once it is set up.
_ANYIO: Final = "anyio"


@final
@dataclass(frozen=True, slots=True)
class TestPlan:
    """How one test is simulated.

    ``options`` are the arguments of ``explore``; ``by_marker`` tells whether the test asks for
    the simulation itself, rather than being put into it from the command line.
    """

    __test__ = False

    backends: tuple[str, ...]
    options: Mapping[str, Any]
    by_marker: bool

    @property
    def world(self) -> dict[str, Any]:
        """The options that a replay takes as well."""
        return {name: self.options[name] for name in _WORLD if name in self.options}


def inner_function(item: pytest.Function) -> Callable[..., Any]:
    """Return the function that the test is: below Hypothesis's ``@given``, if that is there."""
    hypothesis: Any = getattr(item.obj, "hypothesis", None)
    return cast("Callable[..., Any]", item.obj if hypothesis is None else hypothesis.inner_test)


def plan_test(item: pytest.Function, options: Options) -> TestPlan | None:
    """Return how ``item`` is simulated, or ``None`` if it is none of ours.

    Raises :class:`~simclock.errors.UsageError` if its marker asks for what cannot be.
    """
    marked = read_marker(item)
    is_async = inspect.iscoroutinefunction(inner_function(item))
    if marked is None:
        if options.suite is None or not is_async or not _is_claimed(item):
            return None
        return TestPlan(
            _claimed_backends(item),
            {"schedules": options.suite, **options.overrides},
            by_marker=False,
        )
    _require_async(item, is_async=is_async)
    backend = marked.pop("backend", None)
    if backend is None:
        backends = _claimed_backends(item) or ("asyncio",)
    else:
        backends = (backend,) if isinstance(backend, str) else tuple(backend)
    return TestPlan(
        backends, {"schedules": DEFAULT_SCHEDULES, **marked, **options.overrides}, by_marker=True
    )


def settle_backends(plan: TestPlan, item: pytest.Function) -> tuple[str, ...]:
    """Return the backends of a test whose setup is done: AnyIO's fixture may have chosen one."""
    found: object = item.funcargs.get("anyio_backend")
    if isinstance(found, tuple):
        found = cast("tuple[object, ...]", found)[0]
    if not isinstance(found, str):
        return plan.backends
    if plan.backends not in ((_ANYIO,), (found,)):
        raise UsageError(
            f"anyio_backend is {found!r} here, and the simulate marker says "
            f"{' and '.join(map(repr, plan.backends))}: without backend=… the fixture decides"
        )
    return (found,)


def _require_async(item: pytest.Function, *, is_async: bool) -> None:
    name = item.originalname
    if item.cls is not None and issubclass(item.cls, unittest.TestCase):
        raise UsageError(
            f"{name} is a method of a unittest.TestCase, which runs its tests itself: "
            "make it a plain class or function to simulate it"
        )
    if inspect.isasyncgenfunction(inner_function(item)):
        raise UsageError(f"{name} is an async generator: a simulated test has no 'yield'")
    if not is_async:
        raise UsageError(
            f"@pytest.mark.simulate is for async tests, and {name} is not one: "
            f"write 'async def {name}'"
        )


def _is_claimed(item: pytest.Function) -> bool:
    """Tell whether another plugin would run this async test."""
    if item.cls is not None and issubclass(item.cls, unittest.TestCase):
        return False
    if "mock_clock" in item.fixturenames:
        # The test drives time by hand, in steps that it chose: it is deterministic as it is.
        return False
    return bool(_claimed_backends(item))


def _claimed_backends(item: pytest.Function) -> tuple[str, ...]:
    """Return the backend on which another plugin would run ``item``; none if none would."""
    if item.get_closest_marker("trio") is not None:
        return ("trio",)
    if "anyio_backend" in item.fixturenames:
        return (_ANYIO,)
    if item.get_closest_marker("asyncio") is not None:
        return ("asyncio",)
    return ()
