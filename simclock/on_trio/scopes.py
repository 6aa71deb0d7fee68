"""Scopes that hash by a counter of their run, so that a set of them is in one order everywhere."""

from __future__ import annotations

import weakref
from typing import Any

import trio

from simclock.on_trio import seams

__all__ = ["install"]

_numbers: dict[int, int] = {}


def _hash(self: object) -> int:
    key = id(self)
    number = _numbers.get(key)
    if number is None:
        # Numbered when first hashed, which hardly any scope is, and the same from then on.
        world = seams.world_here()
        number = _numbers[key] = key >> 4 if world is None else world.queue.next_serial()
        weakref.finalize(self, _numbers.pop, key).atexit = False
    return number


def install() -> None:
    """Let the scopes of trio, and of AnyIO on trio, hash so; outside of simulated runs as ever."""
    from anyio._backends import _trio as backend  # noqa: PLC0415 - not every simulation needs AnyIO

    scopes: list[Any] = [trio.CancelScope, backend.CancelScope]
    for scope in scopes:
        if scope.__hash__ is object.__hash__:
            scope.__hash__ = _hash
