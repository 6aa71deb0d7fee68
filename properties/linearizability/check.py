"""The verdict on a history: an order that explains it, or the least of it that none explains."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from properties.linearizability.history import Call, History
from properties.linearizability.picture import draw
from properties.linearizability.search import (
    CONFIGURATIONS_MAX,
    Found,
    SearchLimitError,
    find_dead_end,
    find_order,
)
from properties.models.base import Model
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["NotLinearizableError", "Verdict", "assert_linearizable", "check_linearizability"]

_TRIES_MAX: Final = 2_000
_PASSES_MAX: Final = 8
_REDUCING_MAX: Final = 20_000


@final
@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a check.

    ``orders`` has, by part of the object (``None``: the whole), an order of its calls that the
    model explains. If one has none, ``unexplained`` is the smallest history found that shows it,
    and :meth:`picture` draws it. ``configurations`` were looked at for the orders.
    """

    model: Model[Any]
    explained: bool
    orders: dict[Hashable, tuple[Call, ...]]
    configurations: int
    unexplained: History | None = None
    found: Found | None = None
    part: Hashable = None

    def picture(self) -> str:
        """Return the failure as text, or a sentence if there is none."""
        if self.unexplained is None or self.found is None:
            calls = sum(len(order) for order in self.orders.values())
            return f"{type(self.model).__name__} explains the history of {calls} calls"
        about = "" if self.part is None else f" for {self.part!r}"
        head = f"no order of these calls is one of {type(self.model).__name__}{about}:"
        return "\n".join([head, *draw(self.unexplained, self.found)])


@final
class NotLinearizableError(AssertionError):
    """No sequential order explains what concurrent calls returned."""

    def __init__(self, verdict: Verdict) -> None:
        """Show the picture of ``verdict``, which has to be a failure."""
        super().__init__(verdict.picture())
        self.verdict = verdict


def check_linearizability(
    history: History, model: Model[Any], *, configurations: int = CONFIGURATIONS_MAX
) -> Verdict:
    """Decide whether ``model`` explains ``history``: whether there is one order of all calls.

    The order must keep calls in order that did not overlap, and give each its response. Calls
    that were cut off may have taken part or not (see :class:`~properties.Ending`). The parts of
    the object that :meth:`Model.partition` tells apart are decided one by one.

    Raises:
        SearchLimitError: a part needs more than ``configurations`` to be decided.
        UsageError: the model is not deterministic, or its states are not hashable.
    """
    _require_model(model)
    orders: dict[Hashable, tuple[Call, ...]] = {}
    total = 0
    for part, calls in _parts(history, model).items():
        found = find_order(calls, model, configurations=configurations)
        if found is None:
            smallest, dead_end = _reduce(calls, model, configurations)
            return Verdict(
                model, explained=False, orders=orders, configurations=total,
                unexplained=smallest, found=dead_end, part=part,
            )  # fmt: skip
        total += found.configurations
        ordered = dict.fromkeys(point.call for point in found.order)
        orders[part] = tuple(calls.calls[index] for index in ordered)
    return Verdict(model, explained=True, orders=orders, configurations=total)


def assert_linearizable(
    history: History, model: Model[Any], *, configurations: int = CONFIGURATIONS_MAX
) -> None:
    """Raise :class:`NotLinearizableError`, with a picture, unless the model explains it."""
    verdict = check_linearizability(history, model, configurations=configurations)
    if not verdict.explained:
        raise NotLinearizableError(verdict)


def _require_model(model: object) -> None:
    if not isinstance(model, Model):
        raise UsageError(f"a model is an object of a subclass of Model, not {model!r}")


def _parts(history: History, model: Model[Any]) -> dict[Hashable, History]:
    parts: dict[Hashable, list[Call]] = {}
    for call in history:
        part = model.partition(call.request())
        if part is None:
            return {None: history}
        parts.setdefault(part, []).append(call)
    return {part: History(calls) for part, calls in parts.items()}


def _reduce(history: History, model: Model[Any], configurations: int) -> tuple[History, Found]:
    """Return the shortest unexplained beginning, less calls that have nothing to do with it."""
    shortest, dead_end = find_dead_end(history, model, configurations=configurations)
    tries = _TRIES_MAX
    for _ in range(_PASSES_MAX):
        groups = list(model.removable(shortest.calls))
        removed: frozenset[int] = frozenset()
        size = len(groups)
        while size and tries > 0:
            # Ever smaller chunks: most calls of a long history have nothing to do with it.
            for first in range(0, len(groups), size):
                tries -= 1
                more = removed.union(*groups[first : first + size])
                smaller = shortest.without(more)
                if more == removed:
                    continue
                with suppress(SearchLimitError):
                    if find_order(smaller, model, configurations=_REDUCING_MAX) is None:
                        removed = more
            size //= 2
        if not removed:
            break
        shortest, dead_end = find_dead_end(
            shortest.without(removed), model, configurations=configurations
        )
    return shortest, dead_end
