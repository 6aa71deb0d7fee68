"""Context variables, carried across a border that does not carry them itself."""

from __future__ import annotations

from contextvars import Context, ContextVar, copy_context
from typing import Any

__all__ = ["apply_changes", "changes_since"]


def changes_since(before: Context) -> list[tuple[ContextVar[Any], Any]]:
    """List the variables that the current context has other values for than ``before``.

    A variable cannot be unset from outside its own context, so one that lost its value is not
    listed.
    """
    missing = object()
    return [
        (variable, value)
        for variable, value in copy_context().items()
        if before.get(variable, missing) is not value
    ]


def apply_changes(changes: list[tuple[ContextVar[Any], Any]]) -> None:
    """Set in the current context what was changed in another."""
    for variable, value in changes:
        variable.set(value)
