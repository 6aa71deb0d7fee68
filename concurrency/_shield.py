"""Work that finishes although its caller is cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast, overload

import anyio

from concurrency._outcome import Outcome, raise_bare
from concurrency._validation import check_callable, close_unstarted, describe, is_awaitable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["shield"]

T = TypeVar("T")
P = ParamSpec("P")


@overload
async def shield(func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T: ...


@overload
async def shield(func: Awaitable[T], /) -> T: ...


async def shield(func: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Run ``func(*args, **kwargs)``, or await the awaitable given, to its end.

    No cancellation from outside reaches the work: neither a cancelled scope, nor a deadline, nor
    (on asyncio) ``Task.cancel()``, ``asyncio.timeout`` or ``wait_for``. The work always starts,
    also if the caller is cancelled already, and this call always waits until it has ended: it
    is never orphaned.

    The work runs in a task of its own, with a copy of the caller's context variables. What it
    returns is returned, what it raises is raised as it is. A scope's cancellation that came
    meanwhile is felt at the caller's next checkpoint; a native one is raised in place of the
    result once the work has ended, because asyncio would otherwise forget it.

    Where the work must run in the caller's own task (it releases a lock the caller holds),
    write ``with CancelScope(shield=True):``, which keeps scopes out but no native cancellation.

    Raises:
        TypeError: neither a function nor an awaitable was handed over, or arguments came with
            an awaitable.
    """
    work = _as_awaitable(func, args, kwargs)
    outcome: Outcome[Any] = Outcome()
    ended = anyio.Event()

    async def carry() -> None:
        try:
            await outcome.record(work)
        finally:
            ended.set()

    interruption: BaseException | None = None
    carrier = carry()
    # The scope keeps other scopes out. A native cancellation hits the host task only, in the
    # wait below: the work, being another task, does not notice.
    with anyio.CancelScope(shield=True):
        async with anyio.create_task_group() as tg:
            tg.create_task(carrier, name=f"shield({_name(func)})")
            while not ended.is_set():
                try:
                    await ended.wait()
                except anyio.get_cancelled_exc_class() as exc:
                    if tg.cancel_scope.cancel_called:
                        # Nobody here cancels this scope: the task itself was cancelled natively,
                        # perhaps before its first step, and the event will never be set.
                        break
                    interruption = exc
    if not outcome.settled:
        close_unstarted([carrier, work])
    # An error beats a cancellation, and a cancellation beats a value.
    if interruption is not None and outcome.error is None:
        raise_bare(interruption)
    return outcome.unwrap()


def _as_awaitable(func: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Awaitable[Any]:
    if is_awaitable(func):
        if args or kwargs:
            close_unstarted([func])
            raise TypeError(
                "shield() takes arguments only for a function: write shield(f, x) or shield(f(x))"
            )
        return func
    check_callable(func, where="shield()")
    work = cast("Callable[..., object]", func)(*args, **kwargs)
    if not is_awaitable(work):
        raise TypeError(
            f"shield() takes an async function; {_name(func)} returned {describe(work)}"
        )
    return work


def _name(func: object) -> str:
    return str(getattr(func, "__qualname__", type(func).__qualname__))
