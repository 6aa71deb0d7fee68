"""The end of an asyncio run: what it left behind, and how the world is torn down."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from simclock.errors import (
    CallbackError,
    DeadlockError,
    LeakError,
    NeverAwaitedError,
    SimulationError,
    UnretrievedExceptionError,
)
from simclock.on_asyncio.describe import describe_tasks, unfinished
from simclock.on_asyncio.seams import callback_of, forget, is_unretrieved

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from simclock.on_asyncio.loop import SimulatedLoop

__all__ = ["cancel_leftovers", "judge", "tear_down"]

_TEAR_DOWN_STEPS = 10_000
_TEAR_DOWN_ROUNDS = 3


def judge(loop: SimulatedLoop, unawaited: Sequence[str]) -> SimulationError | None:
    """Return the verdict on what is left after ``main`` has ended, or ``None`` if it is clean."""
    return (
        _judge_problems(loop)
        or _judge_unretrieved(loop)
        or _judge_tasks(loop)
        or _judge_leftovers(loop)
        or (NeverAwaitedError("\n".join(unawaited)) if unawaited else None)
    )


def cancel_leftovers(loop: SimulatedLoop) -> None:
    """Cancel the tasks that a cancelled ``main`` leaves behind, as ``asyncio.run`` would.

    Plain asyncio has no other way to take its tasks along: it is no leak to rely on it. Whoever
    does not end by that cancellation is judged afterwards.
    """
    tasks = [task for _, task in unfinished(loop)]
    for task in tasks:
        task.cancel()
    if tasks:
        # One that waits for ever in spite of it is described by the verdict on what is left.
        with suppress(DeadlockError):
            _run_to_the_end(loop, tasks)


def _when(loop: SimulatedLoop) -> str:
    return f"(t={loop.simulation.now:g}s, step {loop.simulation.step})"


def _judge_tasks(loop: SimulatedLoop) -> SimulationError | None:
    tasks = unfinished(loop)
    if not tasks:
        return None
    lines = describe_tasks(loop, tasks)
    if loop.pending_timers() or loop.outside.is_pending():
        return LeakError(f"main has ended and left tasks behind {_when(loop)}\n{lines}")
    return DeadlockError(
        f"main has ended, and tasks are left that can never run again {_when(loop)}\n{lines}"
    )


def _judge_leftovers(loop: SimulatedLoop) -> SimulationError | None:
    generators = loop.suspended_generators()
    if generators:
        names = ", ".join(repr(generator.__qualname__) for generator in generators)
        return LeakError(
            f"main has ended and left async generators suspended {_when(loop)}: {names}; "
            "close each with aclose(), or iterate under contextlib.aclosing()"
        )
    timers = loop.pending_timers()
    if timers:
        lines = "\n".join(f"  due at t={timer.when():g}s: {_describe(timer)}" for timer in timers)
        return LeakError(f"main has ended and left callbacks pending {_when(loop)}\n{lines}")
    return None


def _describe(timer: Any) -> str:
    callback = callback_of(timer)
    return getattr(callback, "__qualname__", None) or type(callback).__qualname__


def _judge_problems(loop: SimulatedLoop) -> SimulationError | None:
    for context in loop.problems or ():
        message, error = context.get("message", ""), context.get("exception")
        if "never retrieved" in message and error is not None:
            return _unretrieved(f"{message} {_when(loop)}", error)
        if "destroyed" in message:
            name = context["task"].get_coro().__qualname__ if context.get("task") else "a task"
            return LeakError(
                f"{name} was destroyed while it was pending {_when(loop)}: nothing kept a "
                "reference to the task, and the garbage collector took it"
            )
        verdict = CallbackError(f"{message} {_when(loop)}: {error!r}")
        verdict.__cause__ = error
        return verdict
    return None


def _judge_unretrieved(loop: SimulatedLoop) -> SimulationError | None:
    names = loop.simulation.names()
    for lane in loop.simulation.lanes:
        task = lane.task and lane.task()
        if task is not None and task.done() and is_unretrieved(task):
            error = task.exception()
            return _unretrieved(f"{names[lane.id]} failed and nobody looked {_when(loop)}", error)
    return None


def _unretrieved(text: str, error: BaseException) -> UnretrievedExceptionError:
    verdict = UnretrievedExceptionError(f"{text}: {error!r}")
    verdict.__cause__ = error
    return verdict


def tear_down(loop: SimulatedLoop) -> None:
    """Cancel what is left and close the loop, in a bounded number of steps."""
    loop.problems = []
    loop.simulation.calm_down(_TEAR_DOWN_STEPS)
    for _ in range(_TEAR_DOWN_ROUNDS):
        tasks = unfinished(loop)
        if not tasks:
            break
        for _, task in tasks:
            task.cancel()
        # A task that swallows its cancellation may spin or wait for ever; either ends here. And
        # an interrupt or exit that another task raises as well, because it waited for the one that
        # did, would hide what ended the run.
        with suppress(SimulationError, KeyboardInterrupt, SystemExit):
            _run_to_the_end(loop, [task for _, task in tasks])
    for _, task in unfinished(loop):
        forget(task)
    if loop.suspended_generators():
        with suppress(SimulationError):
            loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _run_to_the_end(loop: SimulatedLoop, tasks: Sequence[asyncio.Task[Any]]) -> None:
    # No coroutine waits for them: it would itself be left over when they cannot be ended.
    left = dict.fromkeys(tasks)

    def ended(task: asyncio.Task[Any]) -> None:
        left.pop(task, None)
        if not left:
            loop.stop()

    for task in tasks:
        task.add_done_callback(ended)
    try:
        loop.run_forever()
    finally:
        for task in tasks:
            task.remove_done_callback(ended)
