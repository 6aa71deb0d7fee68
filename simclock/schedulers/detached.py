"""What a scheduler sees of a run before it has been attached to one."""

from __future__ import annotations

from typing import Final, final

from simclock.kernel import Trace

__all__ = ["DETACHED"]


@final
class _Detached:
    """A run in which nothing has happened."""

    __slots__ = ("step", "trace")

    def __init__(self) -> None:
        self.step = 0
        self.trace = Trace()


DETACHED: Final = _Detached()
