"""Invariants of what tasks share: exclusion, conservation, order, fairness."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, final

from properties.invariants.base import Invariant
from simclock.errors import UsageError
from simclock.simulation.current import current_or_none

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = [
    "ConservedItems",
    "ConservedPermits",
    "FirstInFirstOut",
    "MutualExclusion",
    "NoStarvation",
]


@final
class MutualExclusion(Invariant):
    """At most ``limit`` tasks are inside at once.

    Put ``with exclusion.inside():`` around what a lock, semaphore or limiter protects.
    """

    def __init__(self, limit: float = 1) -> None:
        """Allow ``limit`` tasks at once."""
        super().__init__()
        if not limit >= 1:
            raise UsageError(f"MutualExclusion(limit) is 1 or more, not {limit!r}")
        self._limit = limit
        self._inside = 0
        self.most = 0

    @property
    def promise(self) -> str:
        """What is promised."""
        return f"at most {self._limit} inside at once"

    @contextmanager
    def inside(self) -> Generator[None]:
        """Count the caller as inside for the length of the block."""
        self._inside += 1
        self.most = max(self.most, self._inside)
        try:
            if self._inside > self._limit:
                raise self.broken(f"{self._inside} are")
            yield
        finally:
            self._inside -= 1

    def finish(self) -> None:
        """Nobody is inside any more."""
        if self._inside:
            self.broken(f"{self._inside} never left")


@final
class ConservedItems(Invariant):
    """No item is lost, doubled or made up between those who send and those who receive.

    Call :meth:`sent` when a put has succeeded, :meth:`received` when a get has; and
    :meth:`left_over` at the end with what is still inside. A put that was cancelled may be told
    with :meth:`maybe_sent`, if it is allowed to have gone through all the same.
    """

    def __init__(self) -> None:
        """Know of no items."""
        super().__init__()
        self._sent: Counter[str] = Counter()
        self._maybe: Counter[str] = Counter()
        self._received: Counter[str] = Counter()

    @property
    def promise(self) -> str:
        """What is promised."""
        return "no item is lost, doubled or made up"

    def sent(self, item: Any) -> None:
        """Note that ``item`` was put in."""
        # By text, for items need not be hashable, and the text is what a failure shows.
        self._sent[repr(item)] += 1

    def maybe_sent(self, item: Any) -> None:
        """Note that a cancelled call may have put ``item`` in."""
        self._maybe[repr(item)] += 1

    def received(self, item: Any) -> None:
        """Note that ``item`` was taken out."""
        self._received[repr(item)] += 1

    def left_over(self, *items: Any) -> None:
        """Note what is still inside at the end."""
        for item in items:
            self.received(item)

    def finish(self) -> None:
        """Compare what went in with what came out."""
        lost = self._sent - self._received
        extra = self._received - self._sent - self._maybe
        if lost:
            self.broken(f"lost {', '.join(sorted(lost.elements()))}")
        if extra:
            self.broken(
                f"came out though never put in, or twice: {', '.join(sorted(extra.elements()))}"
            )


@final
class ConservedPermits(Invariant):
    """Permits are neither lost nor made up: at the end, as many are free as there were.

    Call :meth:`taken` and :meth:`given` around what is held, and :meth:`free` at the end.
    """

    def __init__(self, total: int) -> None:
        """Begin with ``total`` permits, all free."""
        super().__init__()
        self._total = total
        self._held = 0
        self._free: int | None = None

    @property
    def promise(self) -> str:
        """What is promised."""
        return f"{self._total} permits are neither lost nor made up"

    def taken(self) -> None:
        """Note that a permit was acquired."""
        self._held += 1
        if self._held > self._total:
            raise self.broken(f"{self._held} are held")

    def given(self) -> None:
        """Note that a permit was released."""
        self._held -= 1
        if self._held < 0:
            raise self.broken("one was given that was never taken")

    def free(self, count: int) -> None:
        """Note how many are free now, at the end."""
        self._free = count

    def finish(self) -> None:
        """Compare what is held and free with what there was."""
        if self._free is not None and self._free + self._held != self._total:
            self.broken(f"{self._held} are held and {self._free} free")


@final
class FirstInFirstOut(Invariant):
    """Who comes first is served first; who leaves the line before that is no longer in it.

    Call :meth:`came` where a task asks, :meth:`served` where it gets, :meth:`left` where it gives
    up. ``came`` has to be called in the very step in which the call joins the line.
    """

    def __init__(self) -> None:
        """Begin with nobody in line."""
        super().__init__()
        self._line: deque[Any] = deque()

    @property
    def promise(self) -> str:
        """What is promised."""
        return "first come, first served"

    def came(self, who: Any) -> None:
        """Note that ``who`` joined the line."""
        self._line.append(who)

    def left(self, who: Any) -> None:
        """Note that ``who`` gave up."""
        if who in self._line:
            self._line.remove(who)

    def served(self, who: Any) -> None:
        """Note that ``who`` was served."""
        if not self._line or self._line[0] != who:
            self.left(who)
            raise self.broken(
                f"{who!r} was served before {self._line[0] if self._line else None!r}"
            )
        self._line.popleft()


@final
class NoStarvation(Invariant):
    """Nobody is overtaken more than ``overtakes`` times while waiting, nor waits for ever.

    ``came``, ``served`` and ``left`` as for :class:`FirstInFirstOut`. With ``steps`` it also
    bounds the steps of the whole run between the two.
    """

    def __init__(self, overtakes: int, *, steps: int | None = None) -> None:
        """Allow each to be overtaken ``overtakes`` times."""
        super().__init__()
        if overtakes < 0 or (steps is not None and steps < 1):
            raise UsageError(
                f"NoStarvation() takes overtakes >= 0 and steps >= 1, not {overtakes}, {steps}"
            )
        self._overtakes = overtakes
        self._steps = steps
        # By who waits: how often overtaken, and since which step.
        self._waiting: dict[Any, tuple[int, int]] = {}

    @property
    def promise(self) -> str:
        """What is promised."""
        steps = "" if self._steps is None else f" or waits more than {self._steps} steps"
        return f"nobody is overtaken more than {self._overtakes} times{steps}"

    def came(self, who: Any) -> None:
        """Note that ``who`` waits."""
        self._waiting[who] = (0, _step())

    def left(self, who: Any) -> None:
        """Note that ``who`` gave up."""
        self._waiting.pop(who, None)

    def served(self, who: Any) -> None:
        """Note that ``who`` was served: all who wait longer were overtaken."""
        _, since = self._waiting.pop(who, (0, _step()))
        if self._steps is not None and _step() - since > self._steps:
            raise self.broken(f"{who!r} waited for {_step() - since} steps")
        for other, (times, start) in self._waiting.items():
            if start <= since:
                self._waiting[other] = (times + 1, start)
                if times + 1 > self._overtakes:
                    raise self.broken(f"{other!r} was overtaken {times + 1} times")

    def finish(self) -> None:
        """Nobody waits any more."""
        if self._waiting:
            self.broken(f"{', '.join(map(repr, self._waiting))} still waits")


def _step() -> int:
    simulation = current_or_none()
    return 0 if simulation is None else simulation.step
