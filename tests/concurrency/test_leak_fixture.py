"""The ``leak_tracker`` fixture fails the test that leaks, and says what."""

from __future__ import annotations

import pytest

SUITE = """
import pytest
from concurrency import TaskGroup, track_resource, untrack_resource


class Connection:
    pass


kept = []


def open_connection(name):
    kept.append(Connection())
    track_resource(kept[-1], name=name, kind="connection")
    return kept[-1]


def test_tidy(leak_tracker):
    untrack_resource(open_connection("closed"))


def test_leaky(leak_tracker):
    open_connection("primary")


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_leaky_async(leak_tracker, anyio_backend):
    leak_tracker.acquire("token", kept)


def test_unwatched():
    open_connection("nobody looks")
"""


def test_a_leak_fails_its_test_by_name(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = -p no:asyncio -p no:trio")
    pytester.makeconftest('pytest_plugins = ["properties.pytest_plugin"]')
    pytester.makepyfile(SUITE)

    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")

    result.assert_outcomes(passed=5, errors=3)
    result.stdout.fnmatch_lines(
        ["*ResourceLeakError: 1 resource is still open*", "*connection 'primary'*"]
    )
    result.stdout.fnmatch_lines(["*token 'list'*"])
    assert "nobody looks" not in "".join(
        line for line in result.stdout.lines if "connection '" in line
    )
