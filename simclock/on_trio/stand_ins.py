"""Classes that take the place of others in trio without changing what anybody can see of them."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any, Final

import outcome

from simclock.errors import OutsideSimulationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["NOTHING", "ListStandIn", "ModuleStandIn", "subclass_of"]

_REFUSED: Final = {
    "Popen": (
        "trio.run_process()",
        "hand the program a fake process, or start it outside the simulation",
    ),
    "signal": (
        "trio.open_signal_receiver()",
        "cancel main, or call what the signal would call, to simulate the signal",
    ),
}

_Value: Any = outcome.Value


class _Nothing(_Value):  # type: ignore[misc]
    """The result of every wait that yields nothing.

    An outcome may be unwrapped once, so trio makes one for each step; that costs more than
    everything a simulation adds. This one may be unwrapped for ever.
    """

    __slots__ = ()

    def unwrap(self) -> None:
        """Return nothing, as often as asked."""

    def __eq__(self, other: object) -> bool:
        return other is self or bool(_Value(None) == other)

    def __hash__(self) -> int:
        return hash(_Value(None))


NOTHING: Final = _Nothing(None)


class _ListMeta(type):
    """Makes :class:`ListStandIn` ``builtins.list`` in every respect but one."""

    def __call__(cls, iterable: Iterable[Any] = ()) -> Any:
        make = getattr(iterable, "next_batch", None)
        return builtins.list(iterable) if make is None else make()

    def __getitem__(cls, item: Any) -> Any:
        return builtins.list[item]

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, builtins.list)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, builtins.list)


class ListStandIn(metaclass=_ListMeta):
    """The name ``list`` in the namespace of trio's loop.

    trio copies its run queue with it. Of a run queue that makes batches this makes a batch.
    """


class ModuleStandIn:
    """A module as one of trio's own modules sees it, without one function in simulated runs."""

    def __init__(self, original: Any, refused: str, is_simulated: Callable[[], bool]) -> None:
        """Be ``original``, but refuse its ``refused`` wherever ``is_simulated()``."""
        self._original = original
        self._refused = refused
        self._is_simulated = is_simulated

    def __getattr__(self, name: str) -> Any:
        if name == self._refused and self._is_simulated():
            raise OutsideSimulationError(*_REFUSED[name])
        return getattr(self._original, name)


class _Permit:
    """Lets the class beside it be subclassed, which trio refuses to everybody else."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """Say nothing to the class next in line."""


def subclass_of(original: Any, slots: tuple[str, ...], **members: Any) -> Any:
    """Return a subclass of ``original`` under its name, with further ``slots`` and ``members``."""
    names = {
        "__slots__": slots,
        "__module__": original.__module__,
        "__qualname__": original.__qualname__,
        "__doc__": original.__doc__,
        **members,
    }
    return type(original)(original.__name__, (_Permit, original), names)
