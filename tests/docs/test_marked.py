"""The tests that the pages show are tests that pass under the plugin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("page", "passed"), [("README.md", 2), ("docs/pytest.md", 2)], ids=str)
def test_the_tests_of_a_page_pass(page: str, passed: int, pytester: pytest.Pytester) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    code = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    pytester.makepyfile("\n\n".join(code))

    pytester.runpytest_subprocess("-p", "no:asyncio", "-p", "no:trio").assert_outcomes(
        passed=passed
    )


def test_a_page_with_a_broken_test_is_noticed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import pytest\n@pytest.mark.simulate\nasync def test_broken():\n    assert False\n"
    )

    pytester.runpytest_subprocess("-p", "no:asyncio", "-p", "no:trio").assert_outcomes(failed=1)
