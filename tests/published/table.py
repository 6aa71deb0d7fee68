"""The table of verdicts, as docs/verdicts.md has it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from published.subjects import SUBJECTS, Subject

__all__ = ["pins", "render"]

ROOT = Path(__file__).parents[2]
KITS = (
    "lock", "semaphore", "limiter", "event", "condition", "barrier", "queue", "priority queue",
    "task group", "gather", "race", "retry", "stream", "rate limiter", "circuit breaker", "cache",
)  # fmt: skip


def pins() -> dict[str, str]:
    """Return the version of each library that is examined, by name."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    found = [Requirement(line) for line in groups["published"]]
    return {each.name: str(each.specifier).removeprefix("==") for each in found}


def render() -> str:
    """Return the table as Markdown."""
    lines = ["| kit | implementation | does not keep | does not promise |", "|---|---|---|---|"]
    versions = pins()
    lines += [_row(subject, versions) for subject in sorted(SUBJECTS, key=_place)]
    return "\n".join(lines)


def _place(subject: Subject) -> tuple[int, int, str]:
    """Frameworks first, and then libraries by name; those of one as they were added."""
    libraries = subject.package in pins()
    return KITS.index(subject.kit), libraries, subject.package if libraries else ""


def _row(subject: Subject, versions: dict[str, str]) -> str:
    package = " ".join(filter(None, (subject.package, versions.get(subject.package))))
    by_sentence: dict[str, list[str]] = {}
    for promise, sentence in subject.broken.items():
        by_sentence.setdefault(sentence, []).append(f"**{promise}**")
    broken = "; ".join(f"{', '.join(names)}: {said}" for said, names in by_sentence.items())
    if subject.mended:
        broken += " (before Python " + ".".join(map(str, subject.mended)) + ")"
    name, comma, how = subject.what.partition(", ")
    what = f"{package} `{name}`{comma}{how}"
    return f"| {subject.kit} | {what} | {broken} | {', '.join(subject.not_promised)} |"
