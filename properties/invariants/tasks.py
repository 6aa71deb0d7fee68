"""Invariants of structured concurrency: groups, scopes, cancellation, shields, failures."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Literal, cast, final

import anyio

from properties.invariants.base import Invariant
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

__all__ = [
    "CancellationArrives",
    "CleanUpOnce",
    "ClockNeverRunsBack",
    "FailuresArrive",
    "NoTaskOutlivesItsGroup",
    "ScopesEndInTime",
    "ShieldsHold",
]


@final
class NoTaskOutlivesItsGroup(Invariant):
    """When the block of a task group is left, every task that it started has ended.

    Write ``async with outlives.group(anyio.create_task_group()) as tg:`` in place of the group.
    """

    def __init__(self) -> None:
        """Know of no group."""
        super().__init__()
        self._running: dict[int, Counter[str]] = {}
        self._groups: list[Any] = []

    @property
    def promise(self) -> str:
        """What is promised."""
        return "no task outlives its group"

    @asynccontextmanager
    async def group(self, group: Any) -> AsyncGenerator[Any]:
        """Enter ``group``, yield something to ``start_soon`` with, and look when it has ended."""
        number = len(self._groups)
        self._groups.append(group)
        running = self._running[number] = Counter()
        try:
            async with group as entered:
                yield _Starter(entered, running)
        finally:
            left = sorted(running.elements())
            if left:
                self.broken(f"{', '.join(left)} did")


@final
class _Starter:
    """Starts tasks in a group and counts those that run."""

    def __init__(self, group: Any, running: Counter[str]) -> None:
        self._group = group
        self._running = running

    def start_soon(self, func: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Start ``func(*args)`` in the group."""
        name = getattr(func, "__name__", "task")

        async def run() -> None:
            self._running[name] += 1
            try:
                await func(*args)
            finally:
                self._running[name] -= 1

        self._group.start_soon(run)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._group, name)


@final
class ScopesEndInTime(Invariant):
    """A block ends by its deadline, unless a shield keeps it longer.

    ``grace`` is what clean-up may take, and what stalls may add, in virtual seconds.
    """

    def __init__(self, *, grace: float = 0.0) -> None:
        """Allow ``grace`` seconds past each deadline."""
        super().__init__()
        if not grace >= 0:
            raise UsageError(f"ScopesEndInTime(grace=…) takes seconds >= 0, not {grace!r}")
        self._grace = grace

    @property
    def promise(self) -> str:
        """What is promised."""
        return "every scope ends by its deadline"

    @contextmanager
    def by(self, deadline: float, *, shielded: bool = False) -> Generator[None]:
        """Watch a block that has to end by the instant ``deadline``; put it around the scope."""
        try:
            yield
        finally:
            now = anyio.current_time()
            if not shielded and now > deadline + self._grace:
                self.broken(f"one with deadline t={deadline:g}s ended at t={now:g}s")


@final
class CancellationArrives(Invariant):
    """A cancellation reaches every unshielded task, exactly once, and is never swallowed.

    Put ``with arrives.task(name):`` around the body of each task, and call :meth:`cancelled`
    where the cancellation is asked for: all who are inside then have to leave by it.
    """

    def __init__(self) -> None:
        """Know of no task."""
        super().__init__()
        self._inside: dict[str, bool] = {}
        self._expected: dict[str, int] = {}
        self._seen: Counter[str] = Counter()

    @property
    def promise(self) -> str:
        """What is promised."""
        return "a cancellation reaches every unshielded task exactly once"

    @contextmanager
    def task(self, name: str, *, shielded: bool = False) -> Generator[None]:
        """Watch the body of the task ``name``."""
        if name in self._inside:
            raise UsageError(f"two tasks are named {name!r}: give each a name of its own")
        self._inside[name] = shielded
        try:
            yield
        except BaseException as error:
            if _is_cancellation(error):
                self.reached(name)
            raise
        finally:
            del self._inside[name]

    def reached(self, name: str) -> None:
        """Note that ``name`` met a cancellation; for code that catches it on its way."""
        self._seen[name] += 1
        if name in self._expected and self._seen[name] > self._expected[name]:
            raise self.broken(f"{name} met it {self._seen[name]} times")

    def cancelled(self) -> None:
        """Note that a scope around all who are inside is cancelled now."""
        for name, shielded in self._inside.items():
            if not shielded:
                self._expected.setdefault(name, self._seen[name] + 1)

    def finish(self) -> None:
        """Compare who should have met it with who did."""
        for name, count in self._expected.items():
            if self._seen[name] < count:
                self.broken(f"{name} never met it, or swallowed it")


@final
class ShieldsHold(Invariant):
    """What runs under a shield is not cancelled before it has ended."""

    def __init__(self) -> None:
        """Know of no shield."""
        super().__init__()
        self._open: Counter[str] = Counter()

    @property
    def promise(self) -> str:
        """What is promised."""
        return "a shield holds until its body ends"

    @contextmanager
    def body(self, name: str = "the body") -> Generator[None]:
        """Watch a body; put it inside the shield."""
        self._open[name] += 1
        try:
            yield
        except BaseException as error:
            if _is_cancellation(error):
                self.broken(f"{name} was cancelled")
            raise
        finally:
            self._open[name] -= 1

    def finish(self) -> None:
        """Every body has ended."""
        if +self._open:
            self.broken(f"{', '.join(sorted(self._open.elements()))} never ended")


@final
class FailuresArrive(Invariant):
    """Every failure arrives exactly once, in the right shape.

    Raise with ``raise failures.raised(error)``, and hand what arrived to :meth:`caught`. The shape
    is ``"group"`` (always an exception group), ``"bare"`` (never), or ``"either"``.
    """

    def __init__(self, shape: Literal["group", "bare", "either"] = "either") -> None:
        """Expect failures in ``shape``."""
        super().__init__()
        if shape not in {"group", "bare", "either"}:
            raise UsageError(f"shape is 'group', 'bare' or 'either', not {shape!r}")
        self._shape = shape
        self._raised: list[BaseException] = []
        self._caught: list[BaseException] = []

    @property
    def promise(self) -> str:
        """What is promised."""
        return "every failure arrives exactly once, in the right shape"

    def raised(self, error: BaseException) -> BaseException:
        """Note that ``error`` is about to be raised, and return it."""
        self._raised.append(error)
        return error

    def caught(self, error: BaseException) -> None:
        """Note that ``error`` arrived."""
        grouped = isinstance(error, BaseExceptionGroup)
        if self._shape == "bare" and grouped:
            self.broken("a group came, and it was to come bare")
        if self._shape == "group" and not grouped:
            self.broken(f"{error!r} came bare, and was to come in a group")
        self._caught += _leaves(error)

    def finish(self) -> None:
        """Compare what was raised with what arrived."""
        # By identity: equal errors of two tasks are two failures.
        for error in self._raised:
            times = sum(other is error for other in self._caught)
            if times != 1:
                self.broken(f"{error!r} arrived {times} times")
        strange = [e for e in self._caught if not any(e is other for other in self._raised)]
        if strange:
            self.broken(f"{strange[0]!r} arrived, and nobody raised it")


@final
class CleanUpOnce(Invariant):
    """What was opened is closed exactly once."""

    def __init__(self) -> None:
        """Know of nothing open."""
        super().__init__()
        self._open: Counter[str] = Counter()

    @property
    def promise(self) -> str:
        """What is promised."""
        return "clean-up runs exactly once"

    def opened(self, name: str) -> None:
        """Note that ``name`` needs cleaning up from now on."""
        self._open[name] += 1

    def closed(self, name: str) -> None:
        """Note that ``name`` was cleaned up."""
        self._open[name] -= 1
        if self._open[name] < 0:
            raise self.broken(f"{name} was cleaned up once too often")

    def finish(self) -> None:
        """Nothing is open any more."""
        if +self._open:
            self.broken(f"{', '.join(sorted(self._open.elements()))} was never cleaned up")


@final
class ClockNeverRunsBack(Invariant):
    """The clock never shows less than it showed before. Call :meth:`look` wherever you like."""

    def __init__(self, read: Callable[[], float] = anyio.current_time) -> None:
        """Watch the clock that ``read`` reads."""
        super().__init__()
        self._read = read
        self._last = float("-inf")

    @property
    def promise(self) -> str:
        """What is promised."""
        return "the clock never runs back"

    def look(self) -> float:
        """Read the clock, compare, and return what it shows."""
        now = self._read()
        if now < self._last:
            raise self.broken(f"it showed {self._last!r} and then {now!r}")
        self._last = now
        return now


def _leaves(error: BaseException) -> list[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    group = cast("BaseExceptionGroup[BaseException]", error)
    return [leaf for each in group.exceptions for leaf in _leaves(each)]


def _is_cancellation(error: BaseException) -> bool:
    cancelled = anyio.get_cancelled_exc_class()
    return any(isinstance(leaf, cancelled) for leaf in _leaves(error))
