"""pytest fixtures for code that uses `concurrency`; opted into by name.

In a ``conftest.py``::

    pytest_plugins = ["properties.pytest_plugin"]

It is no entry point, because that would load this whole package, Hypothesis included, into every
pytest run of every project in the environment.
"""

from __future__ import annotations

import pytest

from concurrency import leak_tracker_fixture

__all__ = ["leak_tracker"]

#: A ``LeakTracker`` in which ``track_resource`` records; fails the test naming what leaked.
leak_tracker = pytest.fixture(leak_tracker_fixture, name="leak_tracker")
