"""Objects that hash by a counter of their run, so that a set of them is in one order everywhere.

Programs keep queues, events and scopes in sets: the subscribers of a channel, the locks of a table.
With the default hash the memory allocator decides in which order such a set is walked, and no seed
could replay it.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

from simclock.simulation import current
from simclock.simulation.simulation import Simulation

__all__ = ["hash_by_counter"]


class _Count(threading.local):
    simulation: Simulation | None = None
    objects = 0


_count = _Count()
_numbers: dict[int, int] = {}


def _hash(self: object) -> int:
    key = id(self)
    number = _numbers.get(key)
    if number is None:
        # Numbered when first hashed, which most never are, and the same from then on. Outside of
        # simulated runs the number is what the default hash makes of the address.
        simulation = current.here()
        if simulation is None:
            number = key >> 4
        else:
            if _count.simulation is not simulation:
                _count.simulation, _count.objects = simulation, 0
            _count.objects = number = _count.objects + 1
        _numbers[key] = number
        weakref.finalize(self, _numbers.pop, key).atexit = False
    return number


def hash_by_counter(*classes: type) -> None:
    """Let the instances of ``classes`` hash so, unless a class has a hash of its own.

    Their instances must allow weak references. Outside of simulated runs nothing changes.
    """
    for each in classes:
        kind: Any = each
        if kind.__hash__ is object.__hash__:
            kind.__hash__ = _hash
