"""The semantics: which moves there are from a state, and where each of them leads.

There are five kinds of move:

* **run**: a task that can go on does so, up to where it next suspends. Nothing comes between.
* **tell**: a task that suspended within reach of a cancellation hears of it.
* **reap**: a group hears of a task that has ended.
* **fire**: a timer is due: a sleeper wakes up, or a scope is cancelled.
* **tick**: nothing else can happen, so time moves on to the next timer. Where time does not wait,
  it may do so as well although a task can run.

A program may do whatever some sequence of moves does; wherever several are open, any may be next.
Being cancelled is a state of a scope and no event: whoever has suspended within its reach, and
whoever does so from then on, gets ``Cancelled`` raised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from properties.reference.dialects import Delivery, Dialect
from properties.reference.draft import Draft
from properties.reference.states import Move, State, Wait

if TYPE_CHECKING:
    from properties.reference.flow import Flow

__all__ = ["moves"]


def moves(flow: Flow, dialect: Dialect, state: State) -> list[Move]:
    """Return what may happen next in ``state``: nothing once ``main`` has ended, or is stuck."""
    if state.is_over:
        return []
    made = _fires(flow, dialect, state)
    if made and dialect.delivery is not Delivery.SHUFFLED:
        # What is due fires before anybody runs.
        return made
    runs: list[Move] = []
    for number, task in enumerate(state.tasks):
        if task.wait in {Wait.READY, Wait.YIELDED, Wait.CANCELLED}:
            runs.append(Draft(flow, dialect, state).run(number))
        elif task.wait is Wait.ENDED:
            made.append(Draft(flow, dialect, state).reap(number))
        if state.cancelled:
            draft = Draft(flow, dialect, state)
            if draft.has_to_be_told(number):
                made.append(draft.tell(number))
    # Callbacks are seldom late: a walk that looks for one outcome finds it sooner this way round.
    made += runs
    return made if made and dialect.time_waits else made + _tick(state)


def _fires(flow: Flow, dialect: Dialect, state: State) -> list[Move]:
    """Return the timers that are due, any of which may be the next to fire."""
    now = state.now
    made = [
        Draft(flow, dialect, state).wake(number)
        for number, task in enumerate(state.tasks)
        if task.wait is Wait.ASLEEP and task.until <= now
    ]
    due = [extent for instant, extent in state.deadlines if instant <= now]
    due.sort(key=lambda extent: extent.number)
    made += [Draft(flow, dialect, state).expire(extent) for extent in due]
    return made


def _tick(state: State) -> list[Move]:
    """Let time move on to the next timer, if there is any."""
    instants = [task.until for task in state.tasks]
    instants += [instant for instant, _ in state.deadlines]
    ahead = [instant for instant in instants if instant > state.now]
    return [Move(state._replace(now=min(ahead)))] if ahead else []
