"""The base class of asyncio's own loops, as the simulated loop builds on it.

The simulated loop replaces the engine of that class and therefore has to know its privates. They
are named here for the type checkers, and checked here for everybody: a Python that has moved one
is refused with a sentence instead of being simulated wrongly.
"""

from __future__ import annotations

from asyncio import base_events
from typing import TYPE_CHECKING, Any

from simclock.errors import SimulationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StockLoop", "check_stock_loop"]

if TYPE_CHECKING:

    class StockLoop(base_events.BaseEventLoop):
        """What type checkers are to know of ``BaseEventLoop``."""

        _asyncgens: Any
        _clock_resolution: float
        _closed: bool
        _current_handle: Any
        _debug: bool
        _ready: Any
        _default_executor: Any
        _stopping: bool
        _task_factory: Callable[..., Any] | None
        _thread_id: int | None

        def _check_callback(self, callback: object, method: str) -> None: ...
        def _check_closed(self) -> None: ...
        def _check_running(self) -> None: ...
        def _check_thread(self) -> None: ...
        def _run_once(self) -> None: ...
        def _timer_handle_cancelled(self, handle: Any) -> None: ...

else:
    StockLoop = base_events.BaseEventLoop

_METHODS = (
    "_check_callback",
    "_check_closed",
    "_check_running",
    "_check_thread",
    "_run_once",
    "_timer_handle_cancelled",
)
_ATTRIBUTES = (
    "_asyncgens",
    "_clock_resolution",
    "_closed",
    "_current_handle",
    "_debug",
    "_ready",
    "_default_executor",
    "_stopping",
    "_task_factory",
    "_thread_id",
)


def check_stock_loop(stock: type[Any] = base_events.BaseEventLoop) -> None:
    """Refuse a Python whose ``stock`` loop lacks what the simulated one builds on."""
    missing = [name for name in _METHODS if not hasattr(stock, name)]
    if not missing:
        loop = stock()
        missing = [name for name in _ATTRIBUTES if not hasattr(loop, name)]
        loop.close()
    if missing:
        raise SimulationError(
            f"this Python's event loop has no {missing[0]}, which simclock builds on; "
            "use a simclock that names this Python version as supported"
        )


check_stock_loop()
