"""A strategy of concurrent histories that a model explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from hypothesis import strategies as st

from properties.linearizability.history import Call, Ending, History
from properties.models.base import Model, Raised, Request
from simclock.errors import UsageError

__all__ = ["histories"]


@final
@dataclass(slots=True)
class _Active:
    request: Request
    start: int
    phases: tuple[str, ...]
    response: Any = None

    def at(self, phase: str) -> Request:
        return Request(self.request.task, self.request.name, self.request.args, phase)


def histories(
    model: Model[Any],
    calls: st.SearchStrategy[tuple[str, tuple[Any, ...]]],
    *,
    tasks: int = 3,
    size: int = 8,
) -> st.SearchStrategy[History]:
    """Return a strategy of histories of up to ``size`` calls by ``tasks`` tasks.

    ``calls`` draws a name and arguments. Each history is explained by ``model``: it was made by
    letting calls take effect one by one, between their start and their end. Calls that had to
    wait to the end are open.

    Raises:
        UsageError: there is no task, or no call.
    """
    if tasks < 1 or size < 1:
        raise UsageError(f"histories() needs 1 task and 1 call or more, not {tasks} and {size}")
    return _histories(model, calls, tasks, size)


@st.composite
def _histories(
    draw: st.DrawFn,
    model: Model[Any],
    calls: st.SearchStrategy[tuple[str, tuple[Any, ...]]],
    tasks: int,
    size: int,
) -> History:
    left = draw(st.integers(1, size))
    state = model.initial()
    active: dict[str, _Active] = {}
    ended: list[Call] = []
    idle = [f"task-{number}" for number in range(1, tasks + 1)]
    # Each call starts, takes effect once or twice, and ends: so this is more than enough.
    for clock in range(1, 8 * size):
        effects = {
            name: answer
            for name, entry in active.items()
            if entry.phases and (answer := model.apply(state, entry.at(entry.phases[0])))
        }
        ready = [name for name, entry in active.items() if not entry.phases]
        starts = idle[:1] if left else []
        moves = [("start", n) for n in starts] + [("act", n) for n in effects]
        moves += [("end", n) for n in ready]
        if not moves:
            break
        move, name = moves[draw(st.integers(0, len(moves) - 1))]
        if move == "start":
            left -= 1
            called, args = draw(calls)
            request = Request(name, called, tuple(args), called)
            active[name] = _Active(request, clock, model.phases(request))
            idle.remove(name)
        elif move == "act":
            state, active[name].response = effects[name]
            active[name].phases = active[name].phases[1:]
        else:
            ended.append(_ended(active.pop(name), clock))
            idle.append(name)
    rest = [
        Call(n, e.request.name, e.request.args, e.start, None, Ending.OPEN)
        for n, e in active.items()
    ]
    return History([*ended, *rest])


def _ended(entry: _Active, clock: int) -> Call:
    request, response = entry.request, entry.response
    if isinstance(response, Raised):
        # What a model calls "some exception" was one of a kind.
        response = Raised(RuntimeError)
    return Call(
        request.task, request.name, request.args, entry.start, clock, Ending.RETURNED, response
    )
