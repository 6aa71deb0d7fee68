"""The part of ``main`` that an injected cancellation may hit, for a ``main`` that has others."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, final

from simclock.kernel import MAIN

if TYPE_CHECKING:
    from simclock.simulation.simulation import Simulation

__all__ = ["MainBody"]


@final
class MainBody:
    """Confines the cancellation of ``main`` to a block of it.

    What comes before the block is its setup: a cancellation planned for it hits the block when
    it begins. What comes after is its teardown, which no timeout around the block would hit.
    """

    __slots__ = ("_has_begun", "_has_ended", "_pending", "_simulation")

    def __init__(self, simulation: Simulation) -> None:
        """Confine cancellations of ``simulation`` from now on."""
        self._simulation = simulation
        self._has_begun = self._has_ended = self._pending = False
        simulation.body = self

    def cancel(self, lane: int) -> str | None:
        """Cancel ``lane`` as the backend would, or ``main`` within its block only."""
        driver = self._simulation.driver
        assert driver is not None
        if lane != MAIN or (self._has_begun and not self._has_ended):
            return driver.cancel(lane)
        if self._has_ended:
            return None
        self._pending = True
        return ""

    @contextmanager
    def running(self) -> Generator[None]:
        """Let cancellations hit what runs within the block."""
        driver: Any = self._simulation.driver
        outer = driver.scopes.get(MAIN)
        self._has_begun = True
        try:
            if outer is None:
                self._deliver()
                yield
                return
            # The scope of the whole of main would reach the teardown as well.
            with type(outer)() as driver.scopes[MAIN]:
                self._deliver()
                yield
        finally:
            self._has_ended = True

    def _deliver(self) -> None:
        if self._pending:
            driver = self._simulation.driver
            assert driver is not None
            driver.cancel(MAIN)
