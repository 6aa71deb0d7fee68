"""What makes two failures the same: the exception's type, and the place in the user's code."""

from __future__ import annotations

import re

from simclock.errors import VerdictError
from simclock.simulation.places import leaves, place_of_error

__all__ = ["signature"]

Signature = tuple[object, ...]
_PLACES = re.compile(r" at (\S+:[0-9]+)\b")


def signature(error: BaseException) -> Signature:
    """Return a value that two failures share if they are the same bug, as far as can be told."""
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    inner = leaves(error)
    if inner:
        return (name, *sorted({repr(signature(each)) for each in inner}))
    if isinstance(error, VerdictError):
        # The verdict is raised by the simulation; the places are those its text names.
        cause = error.__cause__
        if cause is not None:
            return (name, signature(cause))
        return (name, *sorted(set(_PLACES.findall(str(error)))))
    return (name, place_of_error(error))
