"""Promises a program states about itself: always, sometimes, reachable, unreachable, eventually.

Outside a simulation they cost one look-up and do nothing. Inside a run, a broken ``always``,
``unreachable`` or ``eventually`` fails the run; over an exploration, a ``sometimes`` or
``reachable`` that no run has seen fails the exploration.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import final

from simclock.errors import PromiseBrokenError, UsageError
from simclock.simulation.current import current_or_none
from simclock.simulation.simulation import Simulation

__all__ = ["Promises", "always", "eventually", "reachable", "sometimes", "unreachable"]


@final
class Promises:
    """What one run has promised and seen."""

    __slots__ = ("_simulation", "broken", "hoped", "seen", "waiting")

    def __init__(self, simulation: Simulation) -> None:
        """Watch ``simulation``."""
        self._simulation = simulation
        self.hoped: dict[str, None] = {}
        self.seen: dict[str, None] = {}
        self.waiting: list[tuple[Callable[[], bool], float, str]] = []
        self.broken: PromiseBrokenError | None = None

    def hope(self, message: str, *, seen: bool) -> None:
        """Take note of a ``sometimes``, and whether it held."""
        self.hoped[message] = None
        if seen:
            self.seen[message] = None

    def wait(self, predicate: Callable[[], bool], within: float) -> None:
        """Expect ``predicate`` to hold at some step within ``within`` seconds from now."""
        name = getattr(predicate, "__qualname__", repr(type(predicate)))
        simulation = self._simulation
        self.waiting.append((predicate, simulation.now + within, name))
        simulation.replan()

    def check(self, *, at_end: bool = False) -> None:
        """Drop the expectations that hold now, and remember the first that came too late."""
        now, left = self._simulation.now, list[tuple[Callable[[], bool], float, str]]()
        for predicate, until, name in self.waiting:
            if predicate():
                continue
            if now > until or at_end:
                self.break_promise(
                    f"eventually({name}) did not hold "
                    + ("before main ended" if at_end else f"by t={until:g}s")
                )
            else:
                left.append((predicate, until, name))
        self.waiting = left

    def break_promise(self, text: str) -> PromiseBrokenError:
        """Return the error for a broken promise; the first one is the verdict on the run."""
        simulation = self._simulation
        step = simulation.taken or simulation.step
        error = PromiseBrokenError(f"{text} (t={simulation.now:g}s, step {step})")
        self.broken = self.broken or error
        return error


def _promises() -> Promises | None:
    simulation = current_or_none()
    if simulation is None:
        return None
    if simulation.promises is None:
        simulation.promises = Promises(simulation)
    return simulation.promises


def always(condition: object, message: str) -> None:
    """Fail the run here if ``condition`` is false.

    Raises :class:`~simclock.errors.PromiseBrokenError`; even if the program catches that, the
    run has failed.
    """
    promises = _promises()
    if promises is not None and not condition:
        raise promises.break_promise(f"always: {message}")


def unreachable(message: str) -> None:
    """Fail the run because this line was reached; raises as :func:`always` does."""
    promises = _promises()
    if promises is not None:
        raise promises.break_promise(f"unreachable: {message}")


def sometimes(condition: object, message: str) -> None:
    """Expect ``condition`` to be true in at least one run of an exploration that comes here."""
    promises = _promises()
    if promises is not None:
        promises.hope(f"sometimes: {message}", seen=bool(condition))


def reachable(message: str) -> None:
    """Expect at least one run of an exploration to come here.

    Those with a literal message in the source of ``main`` are expected from the start; others
    only from the first run that comes by, since a line never reached cannot announce itself.
    """
    promises = _promises()
    if promises is not None:
        promises.hope(f"reachable: {message}", seen=True)


def eventually(predicate: Callable[[], bool], *, within: float) -> None:
    """Expect ``predicate()`` to be true at some step within ``within`` virtual seconds.

    It is evaluated before each step from now on, so it should be quick and change nothing.
    """
    if not callable(predicate):
        raise UsageError(f"eventually() takes a function to evaluate, not {predicate!r}")
    if not (within >= 0 and math.isfinite(within)):
        raise UsageError(f"eventually(within=…) takes finite seconds >= 0, not {within!r}")
    promises = _promises()
    if promises is not None:
        promises.wait(predicate, within)
