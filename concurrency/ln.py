"""List calls: one function over many inputs, and over batches of them.

The input is a list, another collection or an iterator; anything else, text and mappings among
it, is one item. The function may be async, an object whose ``__call__`` is, or plain, in which
case it runs in a worker thread; if it returns an awaitable, that is awaited.

- *Shape.* ``input_flatten`` opens lists within lists, ``input_flatten_tuple_set`` tuples and sets
  too; ``input_dropna`` leaves out ``None`` and ``Unset``; ``input_unique`` keeps the first of
  equal items. ``output_...`` does the same to the results.
- *Pace.* At most ``max_concurrent`` calls at a time (``None``: all), begun in input order, their
  starts at least ``throttle_period`` seconds apart, after ``delay_before_start``.
- *Retry.* Up to ``retry_attempts`` further attempts, each of at most ``retry_timeout`` seconds,
  after ``retry_initial_delay`` seconds, each time ``retry_backoff`` times as long (a day at
  most). A delay that would outlast a deadline over the task is not begun: the error stands.
  ``retry_default``, if given, takes the place of the last error.

Cancellation, from a scope or natively, ends all calls, is waited for and raised; it is never
retried and never becomes a result. A plain function that has begun in its thread is waited for.
With a ``retry_timeout`` it is not, since nothing else can end it in time: its thread is
abandoned, and logged.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from concurrency._ln.calls import OPTION_NAMES, CallPlan
from concurrency._ln.shape import Shape, Unset, UnsetType, items_of
from concurrency._validation import check_count

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator

__all__ = ["Unset", "UnsetType", "alcall", "bcall"]


async def alcall(
    input_: Any,
    func: Callable[..., Awaitable[Any] | Any],
    /,
    *,
    input_flatten: bool = False,
    input_dropna: bool = False,
    input_unique: bool = False,
    input_flatten_tuple_set: bool = False,
    output_flatten: bool = False,
    output_dropna: bool = False,
    output_unique: bool = False,
    output_flatten_tuple_set: bool = False,
    delay_before_start: float = 0,
    retry_initial_delay: float = 0,
    retry_backoff: float = 1,
    retry_default: Any = Unset,
    retry_timeout: float | None = None,
    retry_attempts: int = 0,
    max_concurrent: int | None = None,
    throttle_period: float | None = None,
    return_exceptions: bool = False,
    **kwargs: Any,
) -> list[Any]:
    """Call ``func(item, **kwargs)`` for every item of ``input_``; results in input order.

    What the options mean, and what cancellation does, the module tells.

    Raises:
        ExceptionGroup: calls failed; the first failure cancelled the rest. With
            ``return_exceptions`` every ``Exception`` is a result instead; ``SystemExit`` and
            ``KeyboardInterrupt`` are raised all the same.
        TypeError: ``func`` cannot be called, ``input_`` is an async iterable, or an option has
            the wrong type.
        ValueError: an option is out of range; ``max_concurrent=0`` is.
    """
    shape = Shape("input", input_flatten, input_dropna, input_unique, input_flatten_tuple_set)
    output = Shape("output", output_flatten, output_dropna, output_unique, output_flatten_tuple_set)
    plan = CallPlan(
        func,
        kwargs,
        delay_before_start,
        retry_initial_delay,
        retry_backoff,
        retry_default,
        retry_timeout,
        retry_attempts,
        max_concurrent,
        throttle_period,
        return_exceptions,
    )
    plan.check(where="alcall()")
    items = shape.apply(items_of(input_, where="alcall()"))
    return list(output.apply(await plan.run(items)))


def bcall(
    input_: Any,
    func: Callable[..., Awaitable[Any] | Any],
    /,
    batch_size: int,
    *,
    input_flatten: bool = False,
    input_dropna: bool = False,
    input_unique: bool = False,
    input_flatten_tuple_set: bool = False,
    **kwargs: Any,
) -> AsyncGenerator[list[Any], None]:
    """Call ``func`` over ``input_`` in batches of ``batch_size``; yield each batch's results.

    An async generator: a batch is begun when it is asked for, and nothing runs in between, so
    leaving early leaves nothing behind. ``input_`` is shaped as a whole, read one batch at a
    time, and may be endless. The other options are those of ``alcall`` and hold for each batch.

    Raises:
        TypeError: at once, as for ``alcall``, and if ``batch_size`` is not an int.
        ValueError: at once, as for ``alcall``, and if ``batch_size`` is below 1.
    """
    size = check_count(batch_size, name="bcall(batch_size=)", minimum=1)
    shape = Shape("input", input_flatten, input_dropna, input_unique, input_flatten_tuple_set)
    items = shape.apply(items_of(input_, where="bcall()"))
    ours = {name: kwargs.pop(name) for name in list(kwargs) if name in OPTION_NAMES}
    sides = ("flatten", "dropna", "unique", "flatten_tuple_set")
    output = Shape("output", *(bool(kwargs.pop(f"output_{side}", False)) for side in sides))
    plan = CallPlan(func, kwargs, **ours)
    plan.check(where="bcall()")
    return _batches(items, plan, size, output)


async def _batches(
    items: Iterator[Any], plan: CallPlan, size: int, output: Shape
) -> AsyncGenerator[list[Any], None]:
    while batch := list(islice(items, size)):
        yield list(output.apply(await plan.run(batch)))
