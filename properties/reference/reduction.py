"""Moves that may as well be made first: the walk through the states need not try their order.

A move is *quiet* if nobody else can tell whether it has been made, and nobody can change what it
does, as long as it is open. Whatever the others do before it, they could have done after it, with
the same state in the end: so it is made at once, and no other move is looked at. Without this a
group of ten tasks that are cancelled at one instant has millions of states; with it, some dozens.
That it takes no outcome away is tested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from properties.reference.dialects import Delivery, Dialect
from properties.reference.draft import Draft
from properties.reference.flow import Flow, Op, Place
from properties.reference.states import CANCELLED, Move, State, Wait

if TYPE_CHECKING:
    from properties.reference.states import Task

__all__ = ["quiet_move"]


def quiet_move(flow: Flow, dialect: Dialect, state: State) -> Move | None:
    """Return a quiet move of ``state``, if it has one."""
    # Where it does not, all that sets timers or takes them back is seen by the clock.
    time_waits = dialect.time_waits
    for number, task in enumerate(state.tasks):
        match task.wait:
            case Wait.READY if time_waits and _goes_on_quietly(dialect, task):
                return Draft(flow, dialect, state).run(number)
            case Wait.CANCELLED if time_waits and _unwinds_quietly(flow, dialect, state, number):
                return Draft(flow, dialect, state).run(number)
            case Wait.ENDED if _is_reaped_quietly(flow, state, number):
                return Draft(flow, dialect, state).reap(number)
            case _:
                pass
    return None


def _goes_on_quietly(dialect: Dialect, task: Task) -> bool:
    """Tell whether a task only opens and leaves blocks, and then suspends.

    No cancellation can reach it before it suspends, and one that comes first still finds it
    there: unless it may miss one that came before, when callbacks are late.
    """
    if dialect.delivery is Delivery.SHUFFLED:
        return False
    place = task.place.next
    while place is not None and place.op in {Op.ENTER, Op.LEAVE, Op.CATCH, Op.START}:
        place = place.next
    return place is not None and place.op in {Op.CHECKPOINT, Op.SLEEP}


def _unwinds_quietly(flow: Flow, dialect: Dialect, state: State, number: int) -> bool:
    """Tell whether a cancellation takes a task to its end, past nobody who would notice."""
    place = state.tasks[number].place.handler
    while place is not None:
        if place.op is Op.LEAVE:
            if _may_swallow(place, state):
                return False
        elif place.op is not Op.CATCH:
            return False
        place = place.handler
    return dialect.delivery is not Delivery.AT_ONCE or _is_reaped_quietly(flow, state, number)


def _may_swallow(place: Place, state: State) -> bool:
    """Tell whether it depends on what comes first whether a scope swallows a cancellation."""
    extent = place.target
    assert extent is not None
    is_due = any(each is extent and instant <= state.now for instant, each in state.deadlines)
    is_hit = extent in state.cancelled or is_due
    return is_hit and extent.outer.isdisjoint(state.cancelled)


def _is_reaped_quietly(flow: Flow, state: State, number: int) -> bool:
    """Tell whether a task has no failure to tell, and others keep its group waiting."""
    group = flow.tasks[number].group
    if group is None or state.tasks[number].raised not in {None, CANCELLED}:
        return False
    others = (state.tasks[each].wait for each in flow.tasks_of[group] if each != number)
    return any(wait is not Wait.GONE for wait in others)
