"""The kit for task groups: who owns tasks until they have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from properties.conformance.checks import Shape, check_shape
from properties.conformance.ground import Ground
from properties.conformance.kit import Make, Options, Promise, Scenario, examine
from properties.conformance.verdicts import ConformanceError, Report
from properties.conformance.workers import Workers
from properties.invariants import FailuresArrive

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["task_group"]

# In whatever shape a group's failures come, for that is another promise.
_FAILURES = (Exception, BaseExceptionGroup)


def _start(group: Any, function: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Start ``function`` as AnyIO's and trio's groups do it, or as asyncio's does."""
    if hasattr(group, "start_soon"):
        group.start_soon(function)
    else:
        group.create_task(function())


async def _waits_for_all(make: Make, ground: Ground) -> None:
    """Children, children of children, and those who come while the block is being left."""
    workers = Workers(ground)

    async with make() as group:

        async def parent() -> None:
            await workers.make("parent")()
            _start(group, workers.make("grandchild", 2))

        _start(group, parent)
        _start(group, workers.make("child", 1))
        await ground.step()
        _start(group, workers.make("other"))
    workers.check_gone("group")
    missing = {"parent", "grandchild", "child", "other"} - set(workers.finished)
    if missing:
        raise ConformanceError(f"the group ended before {', '.join(sorted(missing))} had run")


def _failure_cancels(shape: Shape) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        workers, failures, began = Workers(ground), FailuresArrive(shape), ground.now()
        try:
            async with make() as group:
                _start(group, workers.make("patient", 100))
                _start(group, workers.make("failing", 1, fails=True))
                await workers.make("the body", 100)()
        except _FAILURES as error:
            failures.raised(workers.failures["failing"])
            failures.caught(error)
        workers.check_gone("group")
        if "patient" not in workers.cut_off or ground.now() != began + 1:
            raise ConformanceError(
                f"one failed at t={began + 1:g}s, and the group ended at t={ground.now():g}s"
            )
        if "the body" not in workers.cut_off:
            raise ConformanceError("one failed, and the body of the group was not cancelled")
        _check(failures, workers)

    return scenario


def _body_fails(shape: Shape) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        workers, failures, began = Workers(ground), FailuresArrive(shape), ground.now()
        try:
            async with make() as group:
                _start(group, workers.make("patient", 100))
                await ground.sleep(1)
                raise failures.raised(workers.failure("the body"))
        except _FAILURES as error:
            failures.caught(error)
        workers.check_gone("group")
        if ground.now() != began + 1:
            raise ConformanceError(
                f"the body failed at t={began + 1:g}s, and the group ended at t={ground.now():g}s"
            )
        _check(failures, workers)

    return scenario


def _all_failures_arrive(shape: Shape) -> Scenario:
    """Two fail at one instant, and one more while it is being cancelled."""

    async def scenario(make: Make, ground: Ground) -> None:
        workers, failures = Workers(ground), FailuresArrive("either")

        async def fails_on_its_way_out() -> None:
            try:
                await ground.sleep(100)
            finally:
                raise workers.failure("leaving")

        try:
            async with make() as group:
                _start(group, workers.make("one", 1, fails=True))
                _start(group, fails_on_its_way_out)
                _start(group, workers.make("other", 1, fails=True))
        except _FAILURES as error:
            failures.caught(error)
            if not isinstance(error, Exception):
                raise ConformanceError(
                    f"a {type(error).__name__} of nothing but exceptions came: 'except Exception' "
                    "lets it pass"
                ) from error
            if shape == "group" and not isinstance(error, BaseExceptionGroup):
                raise ConformanceError(f"a group was to come, and {error!r} came bare") from error
        for failure in workers.failures.values():
            failures.raised(failure)
        workers.check_gone("group")
        _check(failures, workers)

    return scenario


def _check(failures: FailuresArrive, workers: Workers) -> None:
    if not workers.failures:
        raise ConformanceError("nobody got as far as to fail")
    failures.check()


async def _cancellation_passes_through(make: Make, ground: Ground) -> None:
    """Put a timeout around the group: it reaches body and children, and is passed on."""
    workers, began = Workers(ground), ground.now()

    async def whole() -> None:
        async with make() as group:
            _start(group, workers.make("child", 100))
            _start(group, workers.make("other", 1))
            await workers.make("the body", 2)()

    if await ground.give_up(5, whole):
        raise ConformanceError("the group was cancelled, and went on as if it had not been")
    workers.check_gone("group")
    if "child" not in workers.cut_off or ground.now() != began + 5:
        raise ConformanceError(
            f"the group was cancelled at t={began + 5:g}s and ended at t={ground.now():g}s"
        )


async def _leaves_nobody_behind(make: Make, ground: Ground) -> None:
    """Whoever is cancelled, at whichever step, the block ends after all of its tasks."""
    workers = Workers(ground)

    async def whole() -> None:
        try:
            async with make() as group:
                _start(group, workers.make("one", 2))
                _start(group, workers.make("two"))
                await ground.step()
                _start(group, workers.make("three", 1))
        finally:
            workers.check_gone("group")

    with ground.pardon():
        await ground.run(whole)


async def _refuses_when_closed(make: Make, ground: Ground) -> None:
    workers = Workers(ground)
    async with make() as group:
        _start(group, workers.make("child"))
    late = workers.make("late")()
    try:
        # A function is called only if it is started.
        group.start_soon(lambda: late) if hasattr(group, "start_soon") else group.create_task(late)
    except Exception:  # noqa: BLE001 - whatever it raises, it has refused
        return
    finally:
        late.close()
    raise ConformanceError("the group had ended, and took one more task")


def task_group(factory: Make, *, shape: Shape = "group", **options: Unpack[Options]) -> Report:
    """Examine a task group: an async context manager, new at each call of ``factory``.

    What it yields starts tasks: ``start_soon(function)``, or ``create_task(coroutine)``. Failures
    come in a ``shape``: ``"group"``, always an exception group; ``"bare"``, one failure as it is;
    ``"either"``.

    Promises: ``waits``, the block ends after all tasks; ``siblings``, a failure cancels all
    others, the body among them; ``body``, so does a failure of the body; ``failures``, each
    arrives exactly once; ``cancelled``, a cancellation reaches everybody and is passed on; ``left
    behind``, no task outlives the block, whoever is cancelled at whichever step; ``closed``, a
    group that has ended takes no more tasks. A coroutine that was handed over, and neither begun
    nor closed when the scenario ends, is a failure of whichever promise was examined.
    """
    check_shape(shape)
    promises = (
        Promise("waits", _waits_for_all),
        Promise("siblings", _failure_cancels(shape)),
        Promise("body", _body_fails(shape)),
        Promise("failures", _all_failures_arrive(shape)),
        Promise("cancelled", _cancellation_passes_through),
        Promise("left behind", _leaves_nobody_behind, cancel=True),
        Promise("closed", _refuses_when_closed),
    )
    return examine("task group", factory, ("__aenter__", "__aexit__"), promises, options)
