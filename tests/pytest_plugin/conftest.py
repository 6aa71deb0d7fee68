"""A pytest run inside a test, with the plugins that a project may have installed."""

import importlib
import re

import pytest

# A run in this process forgets the modules that it was the first to import, and what these have
# changed elsewhere stays: so all of them are imported here.
for name in (
    "anyio._backends._asyncio",
    "anyio._backends._trio",
    "simclock.on_asyncio.run",
    "simclock.on_trio.run",
    "trio.testing",
    "pytest_asyncio",
    "pytest_trio",
):
    importlib.import_module(name)

INI = """
[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


class Suite:
    def __init__(self, pytester):
        self.pytester = pytester
        pytester.makeini(INI)

    def write(self, text, name="test_it"):
        self.pytester.makepyfile(**{name: text})

    def run(self, *arguments):
        """Run in this process."""
        return self.pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)

    def run_apart(self, *arguments):
        """Run in a process of its own."""
        return self.pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=60)

    def replay_text(self, result):
        found = re.search(r"--replay '(s1:[^']+)'", result.stdout.str())
        assert found, result.stdout.str()
        return found[1]


@pytest.fixture
def suite(pytester):
    return Suite(pytester)
