"""Files and functions stay small enough to be read in one sitting."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("concurrency", "simclock", "properties")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize(
    "path", sources(*PACKAGES, "tests"), ids=lambda p: str(p.relative_to(ROOT))
)
def test_a_file_has_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= FILE_LINES_MAX


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_function_has_at_most_70_lines(path: Path) -> None:
    too_long = {name: lines for name, lines in functions(path) if lines > FUNCTION_LINES_MAX}

    assert too_long == {}


def test_the_measure_sees_a_long_function(tmp_path: Path) -> None:
    long = tmp_path / "long.py"
    long.write_text("def long():\n" + "    x = 1\n" * FUNCTION_LINES_MAX)

    assert list(functions(long)) == [("long", FUNCTION_LINES_MAX + 1)]
