"""The ``leak_tracker`` fixture fails the test that leaks, and says what."""

from __future__ import annotations

import subprocess
import sys

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


WITHOUT_HYPOTHESIS = """
import sys
sys.modules["hypothesis"] = None
import properties.pytest_plugin

heavy = {"anyio", "asyncio", "concurrency", "simclock"} & set(sys.modules)
assert not heavy, heavy
import properties
assert properties.LockModel.__name__ == "LockModel"
try:
    properties.simulated
except ModuleNotFoundError as exc:
    assert exc.name == "hypothesis", exc
else:
    raise AssertionError("hypothesis was there after all")
"""

SUITE_WITHOUT_HYPOTHESIS = """
import pytest


def test_tidy(leak_tracker):
    with pytest.raises(ModuleNotFoundError):
        import hypothesis


def test_leaky(leak_tracker):
    leak_tracker.acquire("token", "left behind")
"""

RUN_WITHOUT_HYPOTHESIS = """
import sys

import pytest


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "hypothesis":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
sys.exit(pytest.main())
"""


def test_the_plugin_needs_no_hypothesis_and_starts_without_the_library() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_HYPOTHESIS],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_every_run_of_pytest_has_the_fixture_also_without_hypothesis(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_it=SUITE_WITHOUT_HYPOTHESIS, run=RUN_WITHOUT_HYPOTHESIS)
    pytester.makeini("[pytest]\naddopts = -p no:asyncio -p no:trio -p no:hypothesispytest")

    result = pytester.runpython("run.py")

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ResourceLeakError: 1 resource is still open*", "*token 'str'*"])
