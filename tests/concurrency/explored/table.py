"""The table of scenarios: which constructs each of them exercises, and how it is explored.

A scenario is a sound program whose own assertions state a promise. It takes the construct under
test as an argument that defaults to ours, so that a naive version can be put in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

BOTH = ("asyncio", "trio")
NATIVE = ("asyncio",)

#: What may be cancelled: nothing, ``main`` as by a timeout around it, each other task in turn.
EVERYTHING = (False, True, "tasks")


@dataclass(frozen=True, slots=True)
class Scenario:
    main: Callable[..., Any]
    constructs: tuple[str, ...]
    cancel: tuple[bool | str, ...]
    backends: tuple[str, ...]
    share: float
    stalls: float | None

    @property
    def name(self) -> str:
        return self.main.__name__

    def schedules(self, number: int) -> int:
        return max(1, round(number * self.share))


TABLE: list[Scenario] = []


def scenario(
    *constructs: str,
    cancel: tuple[bool | str, ...] = EVERYTHING,
    backends: tuple[str, ...] = BOTH,
    share: float = 1.0,
    stalls: float | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter an async function into the table, with the public names it exercises.

    ``stalls=0`` is for promises about exact times, which a slow machine cannot keep.
    """

    def enter(main: Callable[..., Any]) -> Callable[..., Any]:
        TABLE.append(Scenario(main, constructs, cancel, backends, share, stalls))
        return main

    return enter


class Turns:
    """First come, first served: tickets drawn on asking are served in rising order."""

    def __init__(self) -> None:
        self._drawn = 0
        self._served = 0

    def draw(self) -> int:
        self._drawn += 1
        return self._drawn

    def serve(self, ticket: int) -> None:
        assert ticket > self._served, f"ticket {ticket} was served after ticket {self._served}"
        self._served = ticket
