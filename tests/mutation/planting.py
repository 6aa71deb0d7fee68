"""Mutants of `concurrency`: what they are, and a copy of the package with one of them in it."""

from __future__ import annotations

import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGE = ROOT / "concurrency"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One small mistake: in ``file``, ``after`` stands in the place of ``before``.

    ``equivalent`` says why nobody could tell the mutant from the original, if nobody could.
    """

    area: str
    name: str
    file: str
    before: str
    after: str
    breaks: str
    equivalent: str = ""

    def of(self, source: str) -> str:
        """Return ``source`` with the mistake in it."""
        if source.count(self.before) != 1:
            raise ValueError(
                f"the original text of {self.name!r} stands {source.count(self.before)} times in "
                f"{self.file}, and not once: bring {self.area}.toml up to date"
            )
        return source.replace(self.before, self.after)


def load() -> tuple[Mutant, ...]:
    """Return all mutants, area by area, in the order in which they are written."""
    return tuple(
        Mutant(path.stem, **entry)
        for path in sorted((HERE / "mutants").glob("*.toml"))
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    )


@contextmanager
def planted(mutant: Mutant | None) -> Iterator[Path]:
    """Lend a directory that holds a copy of the package, with ``mutant`` in it or none."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        place = Path(name)
        shutil.copytree(PACKAGE, place / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant is not None:
            path = place / PACKAGE.name / mutant.file
            path.write_text(mutant.of(path.read_text(encoding="utf-8")), encoding="utf-8")
        yield place
