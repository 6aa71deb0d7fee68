"""Calling one function over many items: limited, spaced, repeated where it fails."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, final

import anyio
import anyio.to_thread
from anyio.lowlevel import checkpoint_if_cancelled

from concurrency._ln.shape import Unset
from concurrency._outcome import Outcome, raise_failures
from concurrency._pools.threads import ThreadCall, call_in_thread
from concurrency._validation import (
    check_callable,
    check_count,
    check_duration,
    check_number,
    check_timeout,
    is_awaitable,
)
from concurrency.cancel import fail_after
from concurrency.primitives import Lock
from concurrency.utils import is_coro_func

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["OPTION_NAMES", "CallPlan"]

# Growing delays end here; what is doubled often enough would otherwise never come.
_DELAY_MAX = 24 * 60 * 60.0


@final
@dataclass(frozen=True, slots=True)
class CallPlan:
    """How the function is called; judged as a whole before anything starts."""

    func: Callable[..., Any]
    kwargs: Mapping[str, Any]
    delay_before_start: float = 0
    retry_initial_delay: float = 0
    retry_backoff: float = 1
    retry_default: Any = Unset
    retry_timeout: float | None = None
    retry_attempts: int = 0
    max_concurrent: int | None = None
    throttle_period: float | None = None
    return_exceptions: bool = False

    def check(self, *, where: str) -> None:
        """Refuse what makes no sense.

        Raises:
            TypeError: the function cannot be called, or an option has the wrong type.
            ValueError: an option is out of range.
        """
        check_callable(self.func, where=where)
        check_duration(self.delay_before_start, name="delay_before_start")
        check_duration(self.retry_initial_delay, name="retry_initial_delay")
        backoff = check_number(self.retry_backoff, name="retry_backoff")
        if not 0 < backoff < float("inf"):
            raise ValueError(f"retry_backoff is a finite factor above 0, not {self.retry_backoff}")
        check_timeout(self.retry_timeout, name="retry_timeout")
        check_count(self.retry_attempts, name="retry_attempts", minimum=0)
        if self.max_concurrent is not None:
            # 0 is refused rather than taken for "no limit": that is None.
            check_count(self.max_concurrent, name="max_concurrent", minimum=1)
        if self.throttle_period is not None:
            check_duration(self.throttle_period, name="throttle_period")

    async def run(self, items: Iterable[Any]) -> list[Any]:
        """Call the function with each item and return the results in the order of the items."""
        if self.delay_before_start:
            await anyio.sleep(self.delay_before_start)
        work = list(items)
        run = _Run(self, enumerate(work), [None] * len(work))
        workers = min(len(work), self.max_concurrent or len(work))
        async with anyio.create_task_group() as group:
            for _ in range(workers):
                group.start_soon(run.work, group.cancel_scope)
        if run.failures:
            raise_failures(f"{len(run.failures)} of {len(work)} calls failed", run.failures)
        return run.results

    async def call(self, item: Any) -> Any:
        """Call the function with one item, as often as the plan says."""
        delay = self.retry_initial_delay
        for left in range(self.retry_attempts, -1, -1):
            try:
                return await self._attempt(item)
            except Exception:
                if not left or self._sleep_is_futile(delay):
                    if self.retry_default is Unset:
                        raise
                    # The default stands for a failure. A cancellation beats a value, this one too.
                    await checkpoint_if_cancelled()
                    return self.retry_default
            await anyio.sleep(delay)
            delay = min(delay * self.retry_backoff, _DELAY_MAX)
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, item: Any) -> Any:
        with fail_after(self.retry_timeout):
            if is_coro_func(self.func):
                return await self.func(item, **self.kwargs)
            # In a thread, so that a blocking function holds up neither the loop nor its timeout.
            # A timeout can only leave the thread behind, which is logged.
            call = ThreadCall(self.func, [item], self.kwargs)
            limiter = anyio.to_thread.current_default_thread_limiter()
            result = await call_in_thread(
                call, limiter, abandon_on_cancel=self.retry_timeout is not None
            )
            return await result if is_awaitable(result) else result

    def _sleep_is_futile(self, delay: float) -> bool:
        return anyio.current_time() + delay >= anyio.current_effective_deadline()


# Everything else that is handed over by name is the function's.
OPTION_NAMES = frozenset(each.name for each in fields(CallPlan)) - {"func", "kwargs"}


@final
class _Run:
    """One list on its way through the workers, which take the items in order."""

    def __init__(
        self, plan: CallPlan, items: Iterator[tuple[int, Any]], results: list[Any]
    ) -> None:
        self._plan = plan
        self._items = items
        self.results = results
        self.failures: list[BaseException] = []
        self._turn = Lock()
        self._last_start: float | None = None

    async def work(self, scope: anyio.CancelScope) -> None:
        for place, item in self._items:
            await self._wait_turn()
            outcome: Outcome[Any] = Outcome()
            await outcome.record(self._plan.call(item))
            error = outcome.error
            if error is None:
                self.results[place] = outcome.value
            elif self._plan.return_exceptions and isinstance(error, Exception):
                self.results[place] = error
            else:
                self.failures.append(error)
                scope.cancel()
                return

    async def _wait_turn(self) -> None:
        """Keep the starts apart: those that happened, not those that were planned.

        The lock is fair, so the turns go in the order of the items; and nothing is awaited
        between the end of the wait and the call.
        """
        period = self._plan.throttle_period
        if not period:
            return
        async with self._turn:
            if self._last_start is not None:
                await _sleep_until(self._last_start + period)
            self._last_start = anyio.current_time()


async def _sleep_until(instant: float) -> None:
    # Again, because asyncio lets a timer fire up to its clock's resolution early.
    while anyio.current_time() < instant:  # noqa: ASYNC110 - Time is what is awaited.
        await anyio.sleep_until(instant)
