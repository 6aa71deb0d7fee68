"""Schedulers by name: ``fifo``, ``pct:3``, and whatever a plug-in adds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from simclock.errors import UsageError
from simclock.schedulers.delays import DelayScheduler
from simclock.schedulers.exhaustive import ExhaustiveScheduler
from simclock.schedulers.fifo import FifoScheduler
from simclock.schedulers.holds import HoldScheduler
from simclock.schedulers.pct import PctScheduler
from simclock.schedulers.portfolio import Portfolio
from simclock.schedulers.pos import PosScheduler
from simclock.schedulers.protocol import Scheduler
from simclock.schedulers.uniform import UniformScheduler
from simclock.schedulers.urw import UrwScheduler

__all__ = ["Factory", "known_names", "parse", "register", "resolve"]

Factory = Callable[[str | None], Scheduler | Portfolio]
"""Makes a scheduler from the text after the colon, or from ``None`` if there is no colon.

It raises :class:`~simclock.errors.UsageError` for a parameter that it cannot take.
"""

_COUNT = re.compile("[0-9]{1,6}")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def _plain(name: str, make: Callable[[], Scheduler | Portfolio]) -> Factory:
    def factory(parameter: str | None) -> Scheduler | Portfolio:
        if parameter is not None:
            raise UsageError(
                f"scheduler {name!r} takes no parameter: write {name!r}, "
                f"not {f'{name}:{parameter}'!r}"
            )
        return make()

    return factory


def _counted(name: str, make: Callable[[int], Scheduler], *, least: int, example: int) -> Factory:
    def factory(parameter: str | None) -> Scheduler:
        # Longer numbers only ever come from typing errors, and int() refuses the longest.
        if parameter is None or not _COUNT.fullmatch(parameter) or int(parameter) < least:
            written = name if parameter is None else f"{name}:{parameter}"
            raise UsageError(
                f"scheduler {name!r} takes a whole number from {least} to 999999 after a colon, "
                f"such as {f'{name}:{example}'!r}, not {written!r}"
            )
        return make(int(parameter))

    return factory


_factories: Final[dict[str, Factory]] = {
    "fifo": _plain("fifo", FifoScheduler),
    "random": _plain("random", UniformScheduler),
    "pct": _counted("pct", PctScheduler, least=1, example=3),
    "urw": _plain("urw", UrwScheduler),
    "pos": _plain("pos", PosScheduler),
    "delays": _counted("delays", DelayScheduler, least=0, example=2),
    "holds": _counted("holds", HoldScheduler, least=1, example=2),
    "exhaustive": _plain("exhaustive", ExhaustiveScheduler),
    "portfolio": _plain("portfolio", Portfolio),
}
# How the names with a parameter are written, with D for it.
_usages: Final = {name: f"{name}:D" for name in ("pct", "delays", "holds")}


def known_names() -> list[str]:
    """Return how each known scheduler is written, in the order in which they were registered."""
    return [_usages.get(name, name) for name in _factories]


def register(name: str, factory: Factory) -> None:
    """Let ``scheduler="name"`` and ``scheduler="name:parameter"`` mean ``factory(parameter)``."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"a scheduler's name is lower-case words joined by dashes, such as 'my-order', "
            f"not {name!r}"
        )
    if name in _factories:
        raise UsageError(f"a scheduler named {name!r} is registered already; choose another name")
    _factories[name] = factory


def parse(text: str) -> Scheduler | Portfolio:
    """Return the scheduler that ``text`` names, such as ``"pct:3"``."""
    name, colon, parameter = text.partition(":")
    if name in {"replay", "follow"}:
        raise UsageError(
            f"scheduler {name!r} needs a recorded run: call simclock.replay(main, schedule=…)"
        )
    if name not in _factories:
        raise UsageError(f"no scheduler is named {name!r}; there are {', '.join(known_names())}")
    return _factories[name](parameter if colon else None)


def resolve(scheduler: object) -> Scheduler | Portfolio:
    """Return ``scheduler`` itself if it is one, or the scheduler that it names."""
    if isinstance(scheduler, str):
        return parse(scheduler)
    if isinstance(scheduler, type):
        raise UsageError(f"pass a scheduler, not its class: {scheduler.__name__}()")
    if isinstance(scheduler, (Scheduler, Portfolio)):
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
