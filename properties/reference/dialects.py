"""Where libraries differ by their own rules: each difference has a name and a default."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal, final

from simclock.errors import UsageError

__all__ = ["ANYIO_ON_ASYNCIO", "CONCURRENCY_ON_ASYNCIO", "CONCURRENCY_ON_TRIO", "TRIO"]
__all__ += ["Delivery", "Dialect"]


class Delivery(StrEnum):
    """How soon a task feels that a scope around it is cancelled."""

    AT_ONCE = "at once"
    """Everybody does at once; whoever suspends in a cancelled scope is cancelled there."""
    BY_THE_LOOP = "by the loop"
    """A callback of the event loop tells those who suspend in a cancelled scope, and another one
    tells a group that a task has ended. Until then a lock may be handed over, or a group may
    have waited for its last task. No checkpoint is passed."""
    SHUFFLED = "shuffled"
    """As by the loop, but the callbacks may come late: a checkpoint may be passed first, and
    tasks may run between timers of one instant. No event loop does so; a search that lets any
    task go next does."""


@final
@dataclass(frozen=True, slots=True)
class Dialect:
    """What a library does where the idea of structured concurrency leaves a choice.

    The default is trio.
    """

    delivery: Delivery = Delivery.AT_ONCE
    group_passes_on: Literal["tasks", "wait", "tasks and wait"] = "tasks"
    """Whose cancellation a group without failures passes on, besides its body's: that of its
    ``tasks``, that of the ``wait`` for them, or either."""
    failure_beats_cancellation: bool = False
    """Whether a group that has failures to raise drops cancellations, or raises them along."""
    lone_failure_is_bare: bool = False
    """Whether a group raises its only failure as it is, or in an exception group."""
    free_lock_yields: bool = True
    """Whether others may run when a free lock is taken."""
    sleeper_can_be_late: bool = True
    """Whether a sleep that is over, and cancelled before its task went on, is cancelled."""

    time_waits: bool = True
    """Whether time passes only when nobody can run. On a schedule with stalls it does not wait."""

    def __post_init__(self) -> None:
        """Refuse a word that is none of these."""
        if self.group_passes_on not in ("tasks", "wait", "tasks and wait"):
            raise UsageError(
                "group_passes_on is 'tasks', 'wait' or 'tasks and wait', not "
                f"{self.group_passes_on!r}"
            )

    def shuffled(self) -> Dialect:
        """Return the dialect as it is when any runnable task may go next."""
        if self.delivery is Delivery.AT_ONCE:
            return self
        return replace(self, delivery=Delivery.SHUFFLED)

    def stalling(self) -> Dialect:
        """Return the dialect as it is when time may pass although a task can run.

        The callbacks of timers then queue behind the tasks that could run before.
        """
        return replace(self.shuffled(), time_waits=False)


TRIO: Final = Dialect()
"""trio, and AnyIO on it."""

ANYIO_ON_ASYNCIO: Final = Dialect(
    delivery=Delivery.BY_THE_LOOP,
    group_passes_on="wait",
    failure_beats_cancellation=True,
    sleeper_can_be_late=False,
)

CONCURRENCY_ON_TRIO: Final = replace(
    TRIO, failure_beats_cancellation=True, lone_failure_is_bare=True, free_lock_yields=False
)

CONCURRENCY_ON_ASYNCIO: Final = replace(
    ANYIO_ON_ASYNCIO,
    group_passes_on="tasks and wait",
    lone_failure_is_bare=True,
    free_lock_yields=False,
)
