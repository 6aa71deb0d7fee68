"""Fixtures of other plugins that mean something else inside a simulated world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final, final

from simclock.errors import UsageError
from simclock.simulation.current import current

if TYPE_CHECKING:
    from simclock.pytest_plugin.recipes import Definition

__all__ = ["stand_in"]


@final
class _AutojumpClock:
    """What pytest-trio's ``autojump_clock`` is in a world whose clock jumps by itself."""

    rate = 0.0
    autojump_threshold = 0.0

    def current_time(self) -> float:
        """Return virtual seconds since the run began."""
        return current().now

    def jump(self, seconds: float) -> None:
        """Let ``seconds`` pass at once."""
        current().stall(seconds)


def _autojump_clock() -> _AutojumpClock:
    return _AutojumpClock()


def _mock_clock() -> object:
    raise UsageError(
        "mock_clock stands still until it is told to jump, and a simulated clock moves by "
        "itself: use autojump_clock, or leave the test outside the simulation"
    )


async def _nursery(request: object) -> AsyncIterator[Any]:
    del request
    import trio  # noqa: PLC0415 - only a test on trio asks for a nursery

    async with trio.open_nursery() as nursery:
        yield nursery
        nursery.cancel_scope.cancel()


_STAND_INS: Final[dict[tuple[str, str], Callable[..., Any]]] = {
    ("pytest_trio.plugin", "autojump_clock"): _autojump_clock,
    ("pytest_trio.plugin", "mock_clock"): _mock_clock,
    ("pytest_trio.plugin", "nursery"): _nursery,
}


def stand_in(definition: Definition) -> Callable[..., Any] | None:
    """Return what makes the fixture in a simulated world, if that is not its own function."""
    module: str = getattr(definition.func, "__module__", None) or ""
    return _STAND_INS.get((module, definition.argname))
