"""Strategies of schedules: what may go differently in a run, drawn sparsely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st

from properties.strategies.drawn import DrawnSchedule, Wish
from simclock.errors import UsageError
from simclock.schedules import BACKENDS, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["schedules"]

# Which lanes are held: the first tasks of a program most often, ``main`` among them.
_LANES: Final = (2, 1, 3, 4, 2, 3, 5, 6, 7, 8)
_RUNS_MAX: Final = 5
_TARGETS: Final = 8
_SEED_MAX: Final = 255


def _grow(exact: int, most: int) -> tuple[int, ...]:
    """Return 1, 2, 3, … up to ``exact``, and from there ever longer strides up to ``most``."""
    scale = list(range(1, exact + 1))
    while scale[-1] < most:
        scale.append(min(most, scale[-1] * 3 // 2))
    return tuple(scale)


# How far into a run a wish may lie: short runs get most of what is wished, and those of
# thousands of steps are not out of reach. An index into a table costs one choice of
# Hypothesis's, and a lesser index is an earlier place.
_PLACES: Final = _grow(12, 4096)
# How often a lane was chosen when it is held: most tasks take few steps.
_OWN_PLACES: Final = (*range(1, 6), *_grow(6, 512))
_COUNTS: Final = _grow(5, 200)


def schedules(
    *,
    backend: str | Sequence[str] = "asyncio",
    cancel: bool | str = False,
    stalls: bool = True,
    holds: bool = True,
    collections: bool = False,
    deviations: int = 12,
) -> st.SearchStrategy[DrawnSchedule]:
    """Return a strategy of drawn schedules with up to ``deviations`` from calm.

    They shrink towards none, at early places, of short duration. ``cancel=True`` may cancel
    ``main`` once, ``"tasks"`` any task; ``stalls`` lets time pass although a task can run;
    ``holds`` keeps tasks back; ``collections`` runs the garbage collector. With several
    ``backend``s each example has one of them. However long the run is, what it costs of
    Hypothesis's buffer is what deviates.

    Raises:
        UsageError: an option is not of the form that it takes.
    """
    names: tuple[str, ...] = (backend,) if isinstance(backend, str) else tuple(backend)
    if not names or any(name not in BACKENDS for name in names):
        raise UsageError(f"backend is 'asyncio', 'trio' or a tuple of both, not {backend!r}")
    if not (isinstance(cancel, bool) or cancel == "tasks"):
        raise UsageError(f"cancel is False, True or 'tasks', not {cancel!r}")
    if deviations < 0:
        raise UsageError(f"deviations is a whole number >= 0, not {deviations!r}")
    kinds = [(Kind.RUN, behind) for behind in range(1, _RUNS_MAX + 1)]
    kinds += [(Kind.HOLD, lane) for lane in _LANES if holds]
    kinds += [(Kind.STALL, 0)] * (2 if stalls else 0)
    kinds += [(Kind.TIE, option) for option in range(1, 3)]
    kinds += [(Kind.COLLECT, 0)] if collections else []
    targets = _TARGETS if cancel == "tasks" else int(bool(cancel))
    return _drawn(names, tuple(kinds), targets, deviations)


@st.composite
def _drawn(
    draw: st.DrawFn,
    names: tuple[str, ...],
    kinds: tuple[tuple[Kind, int], ...],
    targets: int,
    deviations: int,
) -> DrawnSchedule:
    # Plain integers, three to a wish: this is drawn for every example of every test.
    backend = names[draw(st.integers(0, len(names) - 1)) if len(names) > 1 else 0]
    seed = draw(st.integers(0, _SEED_MAX))
    wishes: list[Wish] = []
    if targets and (place := draw(st.integers(0, len(_PLACES)))):
        # Before its second step a task has nothing that a cancellation could disturb.
        target = draw(st.integers(1, targets)) if targets > 1 else 1
        wishes.append(Wish(Kind.CANCEL, 1 + _PLACES[place - 1], target))
    numbers = st.tuples(
        st.integers(0, len(_PLACES) - 1),
        st.integers(0, len(kinds) - 1),
        st.integers(0, len(_COUNTS) - 1),
    )
    for place, which, length in draw(st.lists(numbers, max_size=deviations)):
        kind, choice = kinds[which]
        count = _COUNTS[length] if kind is Kind.HOLD else 1 + length // 6 * (kind is Kind.STALL)
        at = _OWN_PLACES[place % len(_OWN_PLACES)] if kind is Kind.HOLD else _PLACES[place]
        wishes.append(Wish(kind, at, choice, count))
    return DrawnSchedule(backend, seed, tuple(wishes))
