"""What decides how many calls run at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["Limiter"]


class Limiter(Protocol):
    """AnyIO's capacity limiter or this package's own.

    Pools have this package's own: it may be made before any event loop runs and serve one after
    another, on whatever backend. AnyIO's belongs to the backend that used it first.
    """

    def acquire_on_behalf_of(self, borrower: object) -> Awaitable[object]:
        """Wait for a token."""
        ...

    def release_on_behalf_of(self, borrower: object) -> None:
        """Give it back."""
        ...
