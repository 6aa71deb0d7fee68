"""What every environment with this distribution has: ``leak_tracker``, and invariants by a marker.

pytest loads this module at the start of every run, so it imports nothing but pytest: what a fixture
needs is imported by the first test that asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from concurrency import LeakTracker
    from properties.invariants import Invariant

__all__ = ["invariants", "leak_tracker", "pytest_configure", "pytest_itemcollected"]

_MARKER = "invariants"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(watch=[…]): have new invariants watch the test, or each of its simulated runs; "
        f"the fixture {_MARKER!r} gives them, in this order.",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Refuse a marker that would have nobody watch."""
    marks = list(item.iter_markers(_MARKER))
    if any(mark.args or list(mark.kwargs) != ["watch"] for mark in marks):
        raise pytest.UsageError(
            f"{item.nodeid}: the marker is written {_MARKER}(watch=[MutualExclusion, …])"
        )
    if marks and isinstance(item, pytest.Function) and _MARKER not in item.fixturenames:
        raise pytest.UsageError(
            f"{item.nodeid} is to be watched: let it take the fixture {_MARKER!r}, as an argument "
            "or by usefixtures"
        )


@pytest.fixture
def leak_tracker() -> Iterator[LeakTracker]:
    """Track resources for one test, and fail it naming what it left open."""
    from concurrency import leak_tracker_fixture  # noqa: PLC0415 - Paid by those who use it.

    yield from leak_tracker_fixture()


@pytest.fixture
def invariants(request: pytest.FixtureRequest) -> Iterator[tuple[Invariant, ...]]:
    """Make the invariants that the marker names, and check them when the test has ended.

    Under ``@pytest.mark.simulate`` each run has its own, and what one of them sees fails that run.

    Raises:
        UsageError: the test has no marker, or it names something else than invariants.
    """
    from properties.invariants import made_by  # noqa: PLC0415 - As above.

    # Not as plain arguments: pytest takes a marker called with one class for a decorator of it.
    marks = list(request.node.iter_markers(_MARKER))
    makers: list[Any] = [maker for mark in reversed(marks) for maker in mark.kwargs["watch"]]
    watching = made_by(makers)
    yield watching
    for each in watching:
        each.check()
