"""The page on the package has a row for every public name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import concurrency

PAGE = Path(__file__).parents[2] / "docs" / "concurrency.md"
SUBMODULES = {"concurrency", "ln", "sync", "wait"}


def names_in_the_table() -> set[str]:
    text = PAGE.read_text(encoding="utf-8")
    table = text[text.index("## Where each name comes from") : text.index("## Shielding")]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ")]
    return {name.lstrip("@") for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize("name", sorted(set(concurrency.__all__) - SUBMODULES))
def test_a_public_name_has_its_row(name: str) -> None:
    assert name in names_in_the_table()


def test_every_row_is_of_a_public_name() -> None:
    assert names_in_the_table() <= set(concurrency.__all__)
