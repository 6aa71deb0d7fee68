"""Where the simulated world ends: the clocks and the randomness that a program reads past its loop.

While a simulation runs in a thread, the ``time`` module shows that simulation's clock there, and
the ``random`` module and ``os.urandom`` draw from its seed. Elsewhere, other threads of the process
included, they stay what they are: a worker that waits for the clock to move would wait for ever on
one that stands still until it is done. Names bound early (``from time import monotonic``) stay
real, and so does the seed that ``random.Random()`` takes from the machine when it is given none.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

from simclock.kernel import derive_seed
from simclock.simulation import current
from simclock.simulation.simulation import Simulation

__all__ = ["EPOCH", "begin_run", "boundary"]

EPOCH: Final = 946_684_800.0
"""The simulated date at which a run begins unless told otherwise: 2000-01-01T00:00:00Z."""

_real_urandom = os.urandom
_REAL: Final[dict[str, Callable[..., Any]]] = {
    name: getattr(time, name)
    for name in (
        "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time", "time_ns", "sleep",
    )
}  # fmt: skip


def _clock(name: str, read: Callable[[Simulation], float | int]) -> Callable[[], float | int]:
    real = _REAL[name]

    def clock() -> float | int:
        simulation = current.here()
        return real() if simulation is None else read(simulation)

    clock.__name__ = clock.__qualname__ = name
    return clock


def _sleep(seconds: float) -> None:
    """Block the thread: in a simulated loop time passes and nobody runs meanwhile."""
    simulation = current.here()
    if simulation is None:
        _REAL["sleep"](seconds)
    else:
        simulation.stall(seconds)


def _urandom(size: int) -> bytes:
    """Draw bytes from the seed of the run: uuid4, secrets and SystemRandom come through here."""
    simulation = current.here()
    if simulation is None:
        return _real_urandom(size)
    return simulation.random("urandom").randbytes(size)


_CLOCKS: Final[dict[str, Callable[..., Any]]] = {
    "monotonic": _clock("monotonic", lambda s: s.timeline.now),
    "monotonic_ns": _clock("monotonic_ns", lambda s: s.timeline.nanoseconds),
    "perf_counter": _clock("perf_counter", lambda s: s.timeline.now),
    "perf_counter_ns": _clock("perf_counter_ns", lambda s: s.timeline.nanoseconds),
    "time": _clock("time", lambda s: s.epoch + s.timeline.now),
    "time_ns": _clock("time_ns", lambda s: int(s.epoch * 1e9) + s.timeline.nanoseconds),
    "sleep": _sleep,
}

# random keeps a name of its own for os.urandom, under which SystemRandom and secrets call it.
_PATCHES: Final[tuple[tuple[ModuleType, str, Callable[..., Any]], ...]] = (
    *((time, name, clock) for name, clock in _CLOCKS.items()),
    (os, "urandom", _urandom),
    (random, "_urandom", _urandom),
)


@contextmanager
def boundary() -> Generator[None]:
    """Hold the boundary within the block, and give everything back after it."""
    before = [getattr(module, name) for module, name, _ in _PATCHES]
    state = random.getstate()
    for module, name, virtual in _PATCHES:
        setattr(module, name, virtual)
    try:
        yield
    finally:
        for (module, name, _), was in zip(_PATCHES, before, strict=True):
            setattr(module, name, was)
        random.setstate(state)


def begin_run(simulation: Simulation) -> None:
    """Seed the ``random`` module for one run."""
    random.seed(derive_seed(simulation.seed, "random"))
