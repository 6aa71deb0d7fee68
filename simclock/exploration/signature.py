"""What makes two failures the same: the exception's type, and the place in the user's code."""

from __future__ import annotations

import re

from simclock.errors import VerdictError
from simclock.simulation.places import place_of_error

__all__ = ["signature"]

Signature = tuple[object, ...]
_PLACES = re.compile(r" at (\S+:[0-9]+)\b")


def signature(error: BaseException) -> Signature:
    """Return a value that is equal for two failures that are the same bug, as far as can be told."""
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, BaseExceptionGroup):
        inner = sorted({repr(signature(each)) for each in error.exceptions})
        return (name, *inner)
    if isinstance(error, VerdictError):
        # The verdict is raised by the simulation; the places are those its text names.
        cause = error.__cause__
        if cause is not None:
            return (name, signature(cause))
        return (name, *sorted(set(_PLACES.findall(str(error)))))
    return (name, place_of_error(error))
