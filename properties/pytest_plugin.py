"""The ``leak_tracker`` fixture, which every environment with this distribution has.

pytest loads this module at the start of every run, so it imports nothing but pytest: what the
fixture needs is imported by the first test that asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from concurrency import LeakTracker

__all__ = ["leak_tracker"]


@pytest.fixture
def leak_tracker() -> Iterator[LeakTracker]:
    """Track resources for one test, and fail it naming what it left open."""
    from concurrency import leak_tracker_fixture  # noqa: PLC0415 - Paid by those who use it.

    yield from leak_tracker_fixture()
