"""What a published implementation is examined as, and what is known to become of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from properties.conformance import Report

__all__ = ["NATIVE", "SUBJECTS", "Subject", "lazily", "subject"]

NATIVE: Any = {"style": "asyncio"}


@dataclass(frozen=True)
class Subject:
    """One implementation under one kit.

    ``broken`` has a sentence for each promise that it does not keep, ``not_promised`` the
    promises that it never made. ``mended`` is the first Python in which nothing is broken,
    ``python`` the first for which the library is published. ``schedules`` are explored for each
    promise and backend.
    """

    kit: str
    package: str
    what: str
    examine: Callable[..., Report]
    broken: Mapping[str, str] = field(default_factory=dict)
    not_promised: tuple[str, ...] = ()
    mended: tuple[int, int] | None = None
    python: tuple[int, int] = (3, 11)
    schedules: int = 300

    @property
    def name(self) -> str:
        """What tells it from the others."""
        return f"{self.kit}: {self.package} {self.what}"

    @property
    def expected(self) -> set[str]:
        """The promises that are broken on this Python."""
        is_mended = self.mended is not None and sys.version_info >= self.mended
        return set() if is_mended else set(self.broken)

    def verdict(self) -> Report:
        """Examine it."""
        return self.examine(name=self.what, without=self.not_promised, schedules=self.schedules)


SUBJECTS: list[Subject] = []


def subject(kit: str, package: str, what: str, examine: Callable[..., Report], **more: Any) -> None:
    """Add a subject."""
    SUBJECTS.append(Subject(kit, package, what, examine, **more))


class lazily:  # noqa: N801 - stands where a module would
    """A module that is imported when something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._name), name)
