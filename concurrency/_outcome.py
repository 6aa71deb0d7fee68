"""What became of one piece of work: a value, an error, or nothing yet."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, cast, final

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

__all__ = [
    "Outcome",
    "cancelled_error",
    "raise_bare",
    "raise_failures",
    "scope_is_cancelled",
    "separate",
]

T = TypeVar("T")


@final
class Outcome(Generic[T]):
    """The one place a task leaves its result in, for whoever waits for it.

    Errors that are recorded are not raised in the task, so the group around it does not see
    them: who reads the outcome owns the error from then on.
    """

    __slots__ = ("_value", "error", "settled")

    def __init__(self) -> None:
        self.settled = False
        self.error: BaseException | None = None
        self._value: T | None = None

    async def record(self, work: Awaitable[T]) -> None:
        """Await ``work`` and keep what it returns or raises.

        A cancellation that comes from a cancelled scope goes on to that scope and leaves the
        outcome unsettled. One that no scope asked for (a native ``Task.cancel()``, a future
        somebody cancelled) is a fact about this work alone, and is kept as
        ``anyio.TaskCancelled``.
        """
        try:
            self._value = await work
        except GeneratorExit:
            raise
        except BaseException as exc:  # noqa: BLE001 - Kept for the reader, who raises it.
            cancellation, self.error = separate(exc)
            self.settled = self.error is not None
            if cancellation is not None and scope_is_cancelled():
                raise_bare(cancellation)
            if self.error is None:
                self.error = cancelled_error(cancellation)
        self.settled = True

    def abandon(self) -> None:
        """Note that the work was cancelled before it could come to anything."""
        if not self.settled:
            self.error = cancelled_error(None)
            self.settled = True

    @property
    def value(self) -> T:
        """The value; only to be read when ``settled`` and without ``error``."""
        return cast("T", self._value)

    def unwrap(self) -> T:
        """Return the value or raise the error as it is."""
        self.abandon()
        if self.error is not None:
            raise_bare(self.error)
        return self.value


def cancelled_error(cause: BaseException | None) -> anyio.TaskCancelled:
    """Say that the work, not its caller, was cancelled."""
    error = anyio.TaskCancelled("the task was cancelled from outside, before it had a result")
    error.__cause__ = cause
    return error


def scope_is_cancelled() -> bool:
    """Tell whether a scope over this task is cancelled, as opposed to the task natively."""
    return anyio.current_effective_deadline() == -math.inf


def separate(exc: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """Tell the cancellation in ``exc`` from the failure in it; a group may hold both.

    The cancellation belongs to the scope that asked for it and must travel on to it; the failure
    is somebody's to hear.
    """
    cancelled = anyio.get_cancelled_exc_class()
    if isinstance(exc, cancelled):
        return exc, None
    if not isinstance(exc, BaseExceptionGroup):
        return None, exc
    group = cast("BaseExceptionGroup[BaseException]", exc)
    cancellation, rest = group.split(lambda each: isinstance(each, cancelled))
    return (None, group) if cancellation is None else (cancellation, rest)


def raise_bare(error: BaseException) -> NoReturn:
    """Raise ``error`` with the cause and context it already has.

    ``raise error from None`` would wipe its own cause; plain ``raise error`` would hang whatever
    is being handled here onto it.
    """
    context = error.__context__
    try:
        raise error
    finally:
        error.__context__ = context
        # The frame keeps the error, whose traceback keeps the frame: break the circle.
        del error, context


def raise_failures(message: str, errors: Sequence[BaseException]) -> NoReturn:
    """Raise ``errors`` as one group; a lone SystemExit or KeyboardInterrupt comes bare.

    Those two end the program: in a group the interpreter would show a traceback instead.
    """
    if len(errors) == 1 and not isinstance(errors[0], Exception):
        raise_bare(errors[0])
    group: BaseExceptionGroup[Any] = BaseExceptionGroup(message, errors)
    raise_bare(group)
