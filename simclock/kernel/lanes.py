"""Lanes: what a scheduler chooses among.

Each task is a lane of its own. Plain callbacks of an asyncio loop share lane 0, because their
documented order among themselves is never a decision. Lanes are numbered in order of creation,
so a lane's number means the same in every process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

__all__ = ["CALLBACKS", "MAIN", "Lane", "short_name"]

CALLBACKS = 0
MAIN = 1

# What stands in a qualified name for a function's body, and for a function without a name.
_UNNAMED = frozenset({"<locals>", "<lambda>"})


@final
class Lane:
    """One task, as schedulers and traces see it.

    ``seq`` orders the runnable lanes: the lane that has been runnable longest has the least.
    ``callback`` and ``context`` are the pending step; only the backend reads them.
    """

    __slots__ = (
        "callback",
        "children",
        "context",
        "id",
        "key",
        "name",
        "parent",
        "rank",
        "seq",
        "task",
    )

    def __init__(self, id: int, name: str, parent: Lane | None, key: tuple[int, ...]) -> None:  # noqa: A002 - the number is the lane's identity, and reads so everywhere else
        """Give the lane its number; ``key`` is its place in the tree of spawns."""
        self.id = id
        self.name = name
        self.parent = parent
        self.key = key
        self.children = 0
        self.seq = 0
        self.rank = 0.0
        self.callback: Callable[..., object] | None = None
        self.context: Any = None
        self.task: Any = None

    def __repr__(self) -> str:
        """Show number and name, never an address."""
        return f"<lane {self.id} {self.name!r}>"


def short_name(name: str) -> str:
    """Return the last part of the dotted name of a function; any other name as it is."""
    parts = name.split(".")
    dotted = all(part.isidentifier() or part in _UNNAMED for part in parts)
    return parts[-1] if dotted else name
