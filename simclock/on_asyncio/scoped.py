"""A coroutine under a scope that was put around it from outside."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, final

__all__ = ["ScopedCoroutine"]


@final
class ScopedCoroutine(Coroutine[Any, Any, Any]):
    """Runs ``around(coroutine)`` from its first step on, and until then is ``coroutine``.

    What is thrown into a coroutine that has not begun, or closes it, closes it at once: a
    coroutine that awaits another one would leave that one never awaited.
    """

    __slots__ = ("__name__", "__qualname__", "_around", "_running")

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        around: Callable[[Coroutine[Any, Any, Any]], Coroutine[Any, Any, Any]],
    ) -> None:
        """Stand for ``coroutine``, by its name."""
        # That of an async generator's aclose() has no name.
        kind = type(coroutine).__name__
        self.__name__ = getattr(coroutine, "__name__", kind)
        self.__qualname__ = getattr(coroutine, "__qualname__", kind)
        self._running = coroutine
        self._around: Callable[..., Coroutine[Any, Any, Any]] | None = around

    def send(self, value: Any, /) -> Any:
        """Go on, or begin."""
        if self._around is not None:
            self._running, self._around = self._around(self._running), None
        return self._running.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise ``error`` where it stands."""
        return self._running.throw(*error)

    def close(self) -> None:
        """End it where it stands."""
        self._running.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        """Run it as part of the awaiting coroutine."""
        if self._around is not None:
            self._running, self._around = self._around(self._running), None
        return self._running.__await__()

    def __getattr__(self, name: str) -> Any:
        # Its frame, what it awaits, whether it runs: reports, AnyIO and inspect ask for those.
        return getattr(self._running, name)
