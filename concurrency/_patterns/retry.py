"""Call an async function again until it succeeds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, TypeVar, cast, final

import anyio

from concurrency._outcome import separate
from concurrency._validation import (
    check_callable,
    check_count,
    check_duration,
    check_number,
    describe,
    is_awaitable,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

__all__ = ["retry"]

T = TypeVar("T")


def retry(
    fn: Callable[[], Awaitable[T]],
    *,
    attempts: int = 3,
    base_delay: float = 0.1,
    max_delay: float = 2.0,
    retry_on: type[BaseException] | tuple[type[BaseException], ...] = (Exception,),
    jitter: float = 0.1,
    rng: random.Random | None = None,
) -> Coroutine[Any, Any, T]:
    """Call ``fn()`` until it succeeds, at most ``attempts`` times counting the first.

    After the nth failure it sleeps ``min(max_delay, base_delay * 2**(n - 1))`` seconds, times
    ``1 + U * jitter`` with U uniform in [0, 1), so many clients do not come back at once. When the
    attempts are used up, or the error is not in ``retry_on``, the last error is raised as it is.

    It never sleeps past a deadline it can see: if the next attempt could only begin at or after
    the effective deadline (read anew each time), the last error is raised at once instead.
    Cancellation is never retried, whatever ``retry_on`` says.

    Args:
        fn: called anew for each attempt, without arguments.
        attempts: 1 or more.
        base_delay: seconds.
        max_delay: seconds, before jitter.
        retry_on: the errors worth another attempt.
        jitter: 0 for none, 0.1 for up to a tenth more.
        rng: where U comes from; the ``random`` module by default.

    Raises:
        TypeError: at the call; ``fn`` is not callable (a coroutine can run only once),
            ``retry_on`` names something else than exceptions, or a number is none.
        ValueError: at the call; ``attempts`` is below 1, or a delay or ``jitter`` negative.
    """
    check_callable(fn, where="retry()")
    check_count(attempts, name="attempts", minimum=1)
    delays = _Delays(
        check_duration(base_delay, name="base_delay"),
        check_duration(max_delay, name="max_delay"),
        check_number(jitter, name="jitter"),
        rng,
    )
    return _retry(fn, attempts, delays, _check_kinds(retry_on))


@final
class _Delays:
    """The sleeps between attempts."""

    def __init__(
        self, base: float, longest: float, jitter: float, rng: random.Random | None
    ) -> None:
        if jitter < 0:
            raise ValueError(f"jitter must be 0 or more, not {jitter}")
        # Doubled step by step and capped each time: a power of two would overflow a float.
        self._next = min(base, longest)
        self._longest = longest
        self._jitter = jitter
        self._rng = rng

    def next(self) -> float:
        delay = self._next
        self._next = min(2 * delay, self._longest)
        uniform = random.random() if self._rng is None else self._rng.random()
        return delay * (1 + uniform * self._jitter)


def _check_kinds(
    retry_on: type[BaseException] | tuple[type[BaseException], ...],
) -> tuple[type[BaseException], ...]:
    kinds = retry_on if isinstance(retry_on, tuple) else (retry_on,)
    for kind in kinds:
        _check_kind(kind)
    return kinds


def _check_kind(kind: object) -> None:
    if not isinstance(kind, type):
        raise TypeError(f"retry_on takes exception classes, not {describe(kind)}")
    if not issubclass(kind, BaseException):
        raise TypeError(f"retry_on takes exception classes; {kind.__qualname__} is none")


async def _retry(
    fn: Callable[[], Awaitable[T]],
    attempts: int,
    delays: _Delays,
    kinds: tuple[type[BaseException], ...],
) -> T:
    for attempt in range(1, attempts + 1):
        try:
            work = fn()
            if is_awaitable(work):
                return cast("T", await work)
        except kinds as exc:
            if attempt == attempts or separate(exc)[0] is not None:
                raise
            delay = delays.next()
            if anyio.current_time() + delay >= anyio.current_effective_deadline():
                raise
        else:
            raise TypeError(f"retry() takes an async function; it returned {describe(work)}")
        await anyio.sleep(delay)
    raise AssertionError("the last attempt returns or raises")
