"""Models of what is held and given back: a lock, a semaphore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from properties.models.base import ANY, Model, Raised, Request
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from properties.linearizability.history import Call

__all__ = ["LockModel", "SemaphoreModel", "unknown_call"]


def unknown_call(model: object, request: Request, known: Sequence[str]) -> UsageError:
    """Return the error for a call that ``model`` does not know."""
    return UsageError(
        f"{type(model).__name__} knows {', '.join(known)}, and the history has {request}: "
        "record it under one of these names"
    )


@final
class LockModel(Model[str | None]):
    """A lock that one task holds at a time.

    Calls: ``acquire()``, ``try_acquire() -> bool``, ``release()``, ``locked() -> bool``. A
    release by anybody but the holder raises some exception, as does a second ``acquire`` of the
    holder if ``reentry_raises``; otherwise that one waits for ever.
    """

    reads = frozenset({"locked"})

    def __init__(self, *, reentry_raises: bool = True) -> None:
        """Model a lock that nobody holds."""
        self._reentry_raises = reentry_raises

    def initial(self) -> str | None:
        """Return the state in which nobody holds the lock."""
        return None

    def apply(self, state: str | None, request: Request) -> tuple[str | None, Any] | None:
        """Take, try, give back or look."""
        match request.name:
            case "acquire":
                if state == request.task and self._reentry_raises:
                    return state, Raised(Exception)
                return None if state is not None else (request.task, ANY)
            case "try_acquire":
                return (request.task, True) if state is None else (state, False)
            case "release":
                return (None, ANY) if state == request.task else (state, Raised(Exception))
            case "locked":
                return state, state is not None
            case _:
                raise unknown_call(self, request, ("acquire", "try_acquire", "release", "locked"))

    def removable(self, calls: Sequence[Call]) -> Iterator[frozenset[int]]:
        """Yield what only reads, and what one task acquires and gives back at once."""
        yield from super().removable(calls)
        yield from pairs_of_one_task(calls, {"acquire", "release"}, "acquire", "release")

    def describe(self, state: str | None) -> str:
        """Tell who holds the lock."""
        return "free" if state is None else f"held by {state}"


@final
class SemaphoreModel(Model[int]):
    """A number of permits that belong to nobody.

    Calls: ``acquire()``, ``try_acquire() -> bool``, ``release()``, ``value() -> int``,
    ``locked() -> bool``. A release beyond ``max_value`` raises some exception.

    Raises:
        UsageError: ``initial_value`` is negative, or more than ``max_value``.
    """

    reads = frozenset({"value", "locked"})

    def __init__(self, initial_value: int = 1, *, max_value: int | None = None) -> None:
        if initial_value < 0 or (max_value is not None and max_value < initial_value):
            raise UsageError(
                "a semaphore begins with 0 permits or more and at most max_value, "
                f"not {initial_value} of {max_value}"
            )
        self._initial = initial_value
        self._max = max_value

    def initial(self) -> int:
        """Return the number of permits to begin with."""
        return self._initial

    def apply(self, state: int, request: Request) -> tuple[int, Any] | None:
        """Take, try, give or count."""
        match request.name:
            case "acquire":
                return (state - 1, ANY) if state else None
            case "try_acquire":
                return (state - 1, True) if state else (state, False)
            case "release":
                return (state, Raised(Exception)) if state == self._max else (state + 1, ANY)
            case "value":
                return state, state
            case "locked":
                return state, state == 0
            case _:
                known = ("acquire", "try_acquire", "release", "value", "locked")
                raise unknown_call(self, request, known)

    def removable(self, calls: Sequence[Call]) -> Iterator[frozenset[int]]:
        """Yield what only reads, and what one task acquires and gives back at once."""
        yield from super().removable(calls)
        if self._max is None:
            yield from pairs_of_one_task(calls, {"acquire", "release"}, "acquire", "release")

    def describe(self, state: int) -> str:
        """Tell how many permits are free."""
        return f"{state} free"


def pairs_of_one_task(
    calls: Sequence[Call], known: set[str], first: str, second: str
) -> Iterator[frozenset[int]]:
    """Yield each call of ``first`` with the same task's next call, if that is of ``second``.

    Nothing is yielded if the history has calls that are not in ``known``, raised, or are open:
    they could have been answered as they were because of such a pair.
    """
    if any(call.name not in known or isinstance(call.response, Raised) for call in calls):
        return
    latest: dict[str, int] = {}
    for index, call in enumerate(calls):
        before = latest.get(call.task)
        latest[call.task] = index
        if before is None or call.name != second or call.end is None:
            continue
        if calls[before].name == first and calls[before].end is not None:
            yield frozenset({before, index})
