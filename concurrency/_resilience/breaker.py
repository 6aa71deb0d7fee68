"""Not calling for a while what keeps failing."""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar, cast, final, overload

import anyio

from concurrency._validation import check_callable, check_count, check_duration, is_awaitable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

__all__ = ["BreakerState", "CircuitBreaker", "CircuitOpenError"]

_logger = logging.getLogger("concurrency.resilience")

T = TypeVar("T")


@final
class BreakerState(StrEnum):
    """Where a ``CircuitBreaker`` stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@final
class CircuitOpenError(RuntimeError):
    """The call was refused and did not begin.

    ``retry_after`` is the number of seconds until a call may be let through; 0 while a probe is
    under way, whose outcome decides.
    """

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        when = f"try again in {retry_after:g}s" if retry_after else "a probe is under way"
        super().__init__(f"the circuit breaker is open: {when}")


@final
class CircuitBreaker:
    """Refuses calls for ``timeout`` seconds after ``failure_threshold`` failures in a row.

    *Closed*, every call passes; a success sets the count of failures back to 0. *Open*, every
    call is refused with ``CircuitOpenError``. Once ``timeout`` seconds of AnyIO's clock are over
    it is *half open*: one call at a time passes as a probe, the others are refused;
    ``success_threshold`` probes in a row that succeed close it, one that fails opens it anew.

    What counts is the outcome of calls that began in the present state: a straggler from before
    neither opens nor closes it. Exceptions in ``excluded`` are answers of a working service and
    count as success. A cancelled call counts as nothing; if it was the probe, the next call is.
    ``KeyboardInterrupt`` and its like count as nothing either.

    Each of ``listeners`` is called with the old and the new state, at once and in order, after
    the state has changed; one that raises is logged and disturbs neither the call nor the others.

    Raises:
        TypeError: a count is not an int, ``timeout`` is not a number, an excluded one is not an
            exception class, or a listener cannot be called.
        ValueError: a threshold is below 1, or ``timeout`` negative or NaN.
    """

    def __init__(
        self,
        failure_threshold: int = 5,
        timeout: float = 60.0,
        *,
        success_threshold: int = 1,
        excluded: Sequence[type[Exception]] = (),
        listeners: Sequence[Callable[[BreakerState, BreakerState], object]] = (),
    ) -> None:
        where = "CircuitBreaker({}=)".format
        self._failure_threshold = check_count(
            failure_threshold, name=where("failure_threshold"), minimum=1
        )
        self._success_threshold = check_count(
            success_threshold, name=where("success_threshold"), minimum=1
        )
        self._timeout = check_duration(timeout, name=where("timeout"))
        self._excluded = _exception_classes(excluded)
        for listener in listeners:
            check_callable(listener, where=where("listeners"))
        self._listeners = tuple(listeners)
        self._state = BreakerState.CLOSED
        self._failures = 0
        self._successes = 0
        self._opened_at = 0.0
        self._probing = False
        # Grows with every change of state; tells the present's calls from the past's.
        self._era = 0

    @property
    def state(self) -> BreakerState:
        """The state; ``OPEN`` stays until a call finds that the timeout is over."""
        return self._state

    @property
    def failures(self) -> int:
        """How many calls in a row have failed while closed."""
        return self._failures

    @overload
    async def call(self, func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T: ...

    @overload
    async def call(self, func: Callable[..., T], /, *args: Any, **kwargs: Any) -> T: ...

    async def call(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Return what ``func(*args, **kwargs)``, async or not, returns; raise what it raises.

        Raises:
            TypeError: ``func`` cannot be called.
            CircuitOpenError: the call was refused; ``func`` was not called.
        """
        check_callable(func, where="CircuitBreaker.call()")
        era = self._admit()
        try:
            result = func(*args, **kwargs)
            if is_awaitable(result):
                result = await result
        except self._excluded:
            self._note_success(era)
            raise
        except Exception:
            self._note_failure(era)
            raise
        except BaseException:
            self._note_nothing(era)
            raise
        self._note_success(era)
        return result

    def reset(self) -> None:
        """Close the breaker and forget the failures, whatever its state."""
        self._failures = 0
        if self._state is not BreakerState.CLOSED:
            self._move(BreakerState.CLOSED)

    def _admit(self) -> int:
        """Let a call pass and return its era, or refuse it."""
        if self._state is BreakerState.OPEN:
            left = self._opened_at + self._timeout - anyio.current_time()
            if left > 0:
                raise CircuitOpenError(left)
            self._successes = 0
            self._probing = False
            self._move(BreakerState.HALF_OPEN)
        if self._state is BreakerState.HALF_OPEN:
            if self._probing:
                raise CircuitOpenError(0.0)
            self._probing = True
        return self._era

    def _note_success(self, era: int) -> None:
        if era != self._era:
            return
        self._failures = 0
        if self._state is BreakerState.HALF_OPEN:
            self._probing = False
            self._successes += 1
            if self._successes >= self._success_threshold:
                self._move(BreakerState.CLOSED)

    def _note_failure(self, era: int) -> None:
        if era != self._era:
            return
        self._failures += 1
        if self._state is BreakerState.HALF_OPEN or self._failures >= self._failure_threshold:
            self._failures = 0
            self._opened_at = anyio.current_time()
            self._move(BreakerState.OPEN)

    def _note_nothing(self, era: int) -> None:
        if era == self._era:
            self._probing = False

    def _move(self, new: BreakerState) -> None:
        old, self._state = self._state, new
        self._era += 1
        for listener in self._listeners:
            try:
                listener(old, new)
            except Exception:
                _logger.exception("a listener of the circuit breaker failed")


def _exception_classes(classes: Sequence[object]) -> tuple[type[Exception], ...]:
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, Exception)):
            raise TypeError(
                f"CircuitBreaker(excluded=) takes exception classes in a sequence, not {each!r}"
            )
    return cast("tuple[type[Exception], ...]", tuple(classes))
