"""Models of calls that let others act meanwhile: a condition, a barrier."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal, final

from properties.models.base import ANY, Model, Raised, Request
from properties.models.locks import unknown_call
from simclock.errors import UsageError

__all__ = ["BarrierModel", "BarrierState", "ConditionModel", "ConditionState"]

_CONDITION: Final = ("acquire", "release", "wait", "notify", "notify_all", "locked")


@final
@dataclass(frozen=True, slots=True)
class ConditionState:
    """Who holds the lock, who waits to be notified, and who was notified and wants the lock."""

    holder: str | None = None
    waiting: tuple[str, ...] = ()
    notified: tuple[str, ...] = ()


@final
class ConditionModel(Model[ConditionState]):
    """A lock, and a line of tasks that gave it up until they are notified, first come first.

    Calls: ``acquire()``, ``release()``, ``wait()``, ``notify(n=1)``, ``notify_all()``,
    ``locked() -> bool``. All but ``acquire`` and ``locked`` raise some exception unless the task
    holds the lock. ``wait`` has two parts, to give the lock up and to have it back. One that is
    cut off has the lock again, and has passed its notification on if it had one.
    """

    reads = frozenset({"locked"})

    def initial(self) -> ConditionState:
        """Return a condition that nobody uses."""
        return ConditionState()

    def phases(self, request: Request) -> tuple[str, ...]:
        """Split ``wait``."""
        return ("give up", "have back") if request.name == "wait" else (request.name,)

    def cut_off_phases(self, request: Request) -> tuple[tuple[str, ...], ...]:
        """Let ``wait`` end with the lock, notified or not."""
        if request.name == "wait":
            return ((), ("give up", "have back"), ("give up", "abandon"))
        return ((), (request.name,))

    def apply(  # noqa: C901, PLR0911 - one case for each call
        self, state: ConditionState, request: Request
    ) -> tuple[ConditionState, Any] | None:
        """Take, give back, wait or notify."""
        task = request.task
        match request.phase:
            case "acquire":
                if state.holder == task:
                    return state, Raised(Exception)
                return None if state.holder is not None else (replace(state, holder=task), ANY)
            case "locked":
                return state, state.holder is not None
            case "have back":
                return self._have_back(state, task)
            case "abandon":
                return self._abandon(state, task)
            case "give up" if state.holder != task:
                # It will raise, and its response is that of its second part.
                return state, ANY
            case "release" | "notify" | "notify_all" if state.holder != task:
                return state, Raised(Exception)
            case "give up":
                return ConditionState(None, (*state.waiting, task), state.notified), ANY
            case "release":
                return replace(state, holder=None), ANY
            case "notify":
                return self._notify(state, request.args[0] if request.args else 1), ANY
            case "notify_all":
                return self._notify(state, len(state.waiting)), ANY
            case _:
                raise unknown_call(self, request, _CONDITION)

    @staticmethod
    def _notify(state: ConditionState, count: int) -> ConditionState:
        woken, left = state.waiting[:count], state.waiting[count:]
        return ConditionState(state.holder, left, (*state.notified, *woken))

    @staticmethod
    def _have_back(state: ConditionState, task: str) -> tuple[ConditionState, Any] | None:
        if task not in state.waiting and task not in state.notified:
            # It never waited, for it did not hold the lock.
            return state, Raised(Exception)
        if state.holder is not None or task not in state.notified:
            return None
        left = tuple(other for other in state.notified if other != task)
        return ConditionState(task, state.waiting, left), ANY

    def _abandon(self, state: ConditionState, task: str) -> tuple[ConditionState, Any] | None:
        if task not in state.waiting and task not in state.notified:
            return state, ANY
        if state.holder is not None:
            return None
        if task in state.notified:
            left = tuple(other for other in state.notified if other != task)
            passed_on = self._notify(replace(state, notified=left), 1)
            return replace(passed_on, holder=task), ANY
        waiting = tuple(other for other in state.waiting if other != task)
        return ConditionState(task, waiting, state.notified), ANY

    def describe(self, state: ConditionState) -> str:
        """Tell who has and who wants what."""
        held = "free" if state.holder is None else f"held by {state.holder}"
        return (
            f"{held}, waiting: {', '.join(state.waiting) or 'nobody'}, "
            f"notified: {', '.join(state.notified) or 'nobody'}"
        )


@final
@dataclass(frozen=True, slots=True)
class BarrierState:
    """Who waits in this round, who may leave with which place, and whether it is broken."""

    waiting: tuple[str, ...] = ()
    leaving: tuple[tuple[str, int | None], ...] = ()
    broken: bool = False


@final
class BarrierModel(Model[BarrierState]):
    """A barrier that opens for ``parties`` tasks at once.

    Calls: ``wait()``, ``reset()``, ``n_waiting() -> int``, ``broken() -> bool``. ``wait`` has two
    parts, to arrive and to leave. It returns the place of arrival if ``places``, else anything.
    A party that is cut off ``"breaks"`` the barrier, so that all others get some exception until
    ``reset()``, or ``"steps back"`` as if it had not come.

    Raises:
        UsageError: ``parties`` is below 1, or ``cut_off`` is neither.
    """

    reads = frozenset({"n_waiting", "broken"})

    def __init__(
        self,
        parties: int,
        *,
        places: bool = True,
        cut_off: Literal["breaks", "steps back"] = "breaks",
    ) -> None:
        if parties < 1:
            raise UsageError(f"a barrier has 1 party or more, not {parties!r}")
        if cut_off not in {"breaks", "steps back"}:
            raise UsageError(f"cut_off is 'breaks' or 'steps back', not {cut_off!r}")
        self._parties = parties
        self._places = places
        self._breaks = cut_off == "breaks"

    def initial(self) -> BarrierState:
        """Return a barrier to which nobody has come."""
        return BarrierState()

    def phases(self, request: Request) -> tuple[str, ...]:
        """Split ``wait``."""
        return ("arrive", "leave") if request.name == "wait" else (request.name,)

    def cut_off_phases(self, request: Request) -> tuple[tuple[str, ...], ...]:
        """Let a party leave early."""
        if request.name == "wait":
            return ((), ("arrive", "leave"), ("arrive", "give up"))
        return ((), (request.name,))

    def apply(  # noqa: C901, PLR0911 - one case for each call
        self, state: BarrierState, request: Request
    ) -> tuple[BarrierState, Any] | None:
        """Come, leave, give up, mend or look."""
        task = request.task
        match request.phase:
            case "arrive" if state.broken:
                return replace(state, leaving=(*state.leaving, (task, None))), ANY
            case "arrive":
                waiting = (*state.waiting, task)
                if len(waiting) < self._parties:
                    return replace(state, waiting=waiting), ANY
                opened = tuple((name, place) for place, name in enumerate(waiting))
                return BarrierState((), (*state.leaving, *opened)), ANY
            case "leave":
                return self._leave(state, task)
            case "give up":
                left = tuple(item for item in state.leaving if item[0] != task)
                if left != state.leaving:
                    # It opened meanwhile: this party was counted, and breaks nothing.
                    return replace(state, leaving=left), ANY
                others = tuple(name for name in state.waiting if name != task)
                if not self._breaks:
                    return replace(state, waiting=others), ANY
                failed = tuple((name, None) for name in others)
                return BarrierState((), (*state.leaving, *failed), broken=True), ANY
            case "reset":
                failed = tuple((name, None) for name in state.waiting)
                return BarrierState((), (*state.leaving, *failed)), ANY
            case "n_waiting":
                return state, len(state.waiting)
            case "broken":
                return state, state.broken
            case _:
                raise unknown_call(self, request, ("wait", "reset", "n_waiting", "broken"))

    def _leave(self, state: BarrierState, task: str) -> tuple[BarrierState, Any] | None:
        mine = next((item for item in state.leaving if item[0] == task), None)
        if mine is None:
            return None
        left = tuple(item for item in state.leaving if item is not mine)
        if mine[1] is None:
            return replace(state, leaving=left), Raised(Exception)
        return replace(state, leaving=left), mine[1] if self._places else ANY
