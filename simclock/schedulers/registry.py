"""Schedulers by name: ``fifo``, ``pct:3``, and whatever a plug-in adds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from simclock.errors import UsageError
from simclock.schedulers.fifo import FifoScheduler
from simclock.schedulers.protocol import Scheduler
from simclock.schedulers.uniform import UniformScheduler

__all__ = ["Factory", "known_names", "parse", "register", "resolve"]

Factory = Callable[[str | None], Scheduler]
"""Makes a scheduler from the text after the colon, or from ``None`` if there is no colon.

It raises :class:`~simclock.errors.UsageError` for a parameter that it cannot take.
"""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def _plain(name: str, make: Callable[[], Scheduler]) -> Factory:
    def factory(parameter: str | None) -> Scheduler:
        if parameter is not None:
            raise UsageError(
                f"scheduler {name!r} takes no parameter: write {name!r}, "
                f"not {f'{name}:{parameter}'!r}"
            )
        return make()

    return factory


_factories: Final[dict[str, tuple[Factory, str]]] = {
    "fifo": (_plain("fifo", FifoScheduler), "fifo"),
    "random": (_plain("random", UniformScheduler), "random"),
}


def known_names() -> list[str]:
    """Return how each known scheduler is written, in the order in which they were registered."""
    return [usage for _, usage in _factories.values()]


def register(name: str, factory: Factory) -> None:
    """Let ``scheduler="name"`` and ``scheduler="name:parameter"`` mean ``factory(parameter)``."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"a scheduler's name is lower-case words joined by dashes, such as 'my-order', "
            f"not {name!r}"
        )
    if name in _factories:
        raise UsageError(f"a scheduler named {name!r} is registered already; choose another name")
    _factories[name] = (factory, name)


def parse(text: str) -> Scheduler:
    """Return the scheduler that ``text`` names, such as ``"pct:3"``."""
    name, colon, parameter = text.partition(":")
    if name in {"replay", "follow"}:
        raise UsageError(
            f"scheduler {name!r} needs a recorded run: call simclock.replay(main, schedule=…)"
        )
    if name not in _factories:
        raise UsageError(f"no scheduler is named {name!r}; there are {', '.join(known_names())}")
    return _factories[name][0](parameter if colon else None)


def resolve(scheduler: object) -> Scheduler:
    """Return ``scheduler`` itself if it is one, or the scheduler that it names."""
    if isinstance(scheduler, str):
        return parse(scheduler)
    if isinstance(scheduler, type):
        raise UsageError(f"pass a scheduler, not its class: {scheduler.__name__}()")
    if isinstance(scheduler, Scheduler):
        return scheduler
    missing = [
        member
        for member in ("name", "begin", "pick", "pick_timer")
        if not hasattr(scheduler, member)
    ]
    raise UsageError(
        f"a scheduler is a name ({', '.join(known_names())}) or an object with name, begin, pick "
        f"and pick_timer; {type(scheduler).__name__} lacks {', '.join(missing)}"
    )
