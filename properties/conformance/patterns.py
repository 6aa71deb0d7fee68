"""Kits for functions that run several awaitables at once: gather, race."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Unpack

from properties.conformance.calls import bare, call
from properties.conformance.checks import Shape, check_choice, check_shape
from properties.conformance.ground import Ground
from properties.conformance.kit import Make, Options, Promise, Scenario, examine
from properties.conformance.verdicts import ConformanceError, Report
from properties.conformance.workers import PlannedFailureError, Workers
from properties.invariants import FailuresArrive

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["gather", "race"]


async def _in_order_and_at_once(make: Make, ground: Ground) -> None:
    gather, workers, began = make(), Workers(ground), ground.now()
    seconds = {"slow": 3, "quick": 1, "slower": 4, "soon": None}

    results = await call(gather, *(workers.make(n, s)() for n, s in seconds.items()))

    workers.check_gone("gather")
    if list(results) != list(seconds):
        raise ConformanceError(f"the results of {list(seconds)} came as {list(results)}")
    if ground.now() != began + 4:
        raise ConformanceError(
            f"the slowest takes 4 s, and all at once took {ground.now() - began:g} s"
        )


async def _nothing_gives_nothing(make: Make, _ground: Ground) -> None:
    results = await call(make())
    if list(results):
        raise ConformanceError(f"gathering nothing gave {results!r}")


def _failures_come(shape: Shape) -> Scenario:
    """Two fail at one instant: a group has both, a bare failure is either of them."""

    async def scenario(make: Make, ground: Ground) -> None:
        gather, workers, failures = make(), Workers(ground), FailuresArrive(shape)
        works = [workers.make(n, 1, fails=True)() for n in ("one", "other")]
        try:
            results = await call(gather, workers.make("third", 0)(), *works)
        except Exception as error:  # noqa: BLE001 - in whatever shape: judged below
            if isinstance(error, BaseExceptionGroup):
                for failure in workers.failures.values():
                    failures.raised(failure)
            else:
                # Who is the first of two at one instant is for the gather to say.
                failed = list(workers.failures.values())
                failures.raised(next((each for each in failed if each is error), failed[0]))
            failures.caught(error)
            failures.check()
            return
        raise ConformanceError(f"two of three failed, and {results!r} came")

    return scenario


async def _a_failure_ends_the_rest(make: Make, ground: Ground) -> None:
    gather, workers, began = make(), Workers(ground), ground.now()
    try:
        await call(gather, workers.make("patient", 100)(), workers.make("failing", 1, fails=True)())
    except Exception:  # noqa: BLE001 - its shape is the matter of another promise
        workers.check_gone("gather")
        if ground.now() != began + 1:
            raise ConformanceError(
                f"one failed at t={began + 1:g}s, and the gather ended at t={ground.now():g}s"
            ) from None
        return
    raise ConformanceError("one failed, and the gather did not")


async def _cancellation_reaches_all(make: Make, ground: Ground) -> None:
    """Put a timeout around it: that ends those who run, and is passed on."""
    function, workers, began = make(), Workers(ground), ground.now()
    seconds = {"patient": 100, "slow": 50, "slower": 60}

    async def whole() -> None:
        await call(function, *(workers.make(n, s)() for n, s in seconds.items()))

    if await ground.give_up(5, whole):
        raise ConformanceError("it was cancelled, and went on as if it had not been")
    workers.check_gone("call")
    if workers.finished or ground.now() != began + 5:
        raise ConformanceError(f"it was cancelled at t={began + 5:g}s and ended at {ground.now()}s")


def _leaves_nobody_behind(what: str) -> Scenario:
    """Whoever is cancelled, at whichever step, it ends after all whom it started."""

    async def scenario(make: Make, ground: Ground) -> None:
        function, workers = make(), Workers(ground)

        async def whole() -> None:
            seconds = {"one": 2, "two": None, "three": 1}
            try:
                await call(function, *(workers.make(n, s)() for n, s in seconds.items()))
            finally:
                workers.check_gone(what)

        with ground.pardon():
            await ground.run(whole)

    return scenario


def gather(factory: Make, *, shape: Shape = "either", **options: Unpack[Options]) -> Report:
    """Examine a gather: ``factory()`` returns a function that takes awaitables.

    Awaited it gives their results. Failures come in a ``shape``: ``"group"``, an exception group
    of all; ``"bare"``, the first as it is, and of two at one instant either; ``"either"``.

    Promises: ``order``, results come in the order of the arguments, and all ran at once;
    ``empty``, nothing gives an empty result; ``failures``, in the right shape and exactly once;
    ``siblings``, a failure ends the others before it is raised; ``cancelled``, a cancellation
    reaches all and is passed on; ``left behind``, none outlives it, whoever is cancelled at
    whichever step. ``asyncio.gather`` keeps the first three only, natively as well. An awaitable
    that is neither begun nor closed when the scenario ends is a failure of whichever promise was
    examined.
    """
    check_shape(shape)
    promises = (
        Promise("order", _in_order_and_at_once),
        Promise("empty", _nothing_gives_nothing),
        Promise("failures", _failures_come(shape)),
        Promise("siblings", _a_failure_ends_the_rest),
        Promise("cancelled", _cancellation_reaches_all),
        Promise("left behind", _leaves_nobody_behind("gather"), cancel=True),
    )
    return examine("gather", factory, (), promises, options)


async def _the_first_wins(make: Make, ground: Ground) -> None:
    race, workers, began = make(), Workers(ground), ground.now()
    seconds = {"slow": 3, "quick": 1, "slower": 4}

    result = await call(race, *(workers.make(n, s)() for n, s in seconds.items()))

    if result != "quick":
        raise ConformanceError(f"'quick' was first, and {result!r} won")
    if ground.now() != began + 1:
        raise ConformanceError(f"the first took 1 s, and the race {ground.now() - began:g} s")
    workers.check_gone("race")


async def _a_tie_has_one_winner(make: Make, ground: Ground) -> None:
    """Who ends at the same instant wins, or is gone: and whoever wins, its result comes."""
    race, workers = make(), Workers(ground)

    result = await call(race, *(workers.make(name, 1)() for name in ("one", "two", "three")))

    if result not in workers.finished:
        raise ConformanceError(f"{workers.finished} finished, and {result!r} won")
    workers.check_gone("race")


def _first_failure(wins: Literal["completion", "success"]) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        race, workers, began = make(), Workers(ground), ground.now()
        failing, slow = workers.make("failing", 1, fails=True), workers.make("slow", 3)
        result: Any = None
        try:
            result = await call(race, slow(), failing())
        except Exception as error:  # noqa: BLE001 - in whatever shape: judged below
            result = bare(error)
        workers.check_gone("race")
        took = ground.now() - began
        right: Sequence[Any] = (
            ("slow", 3) if wins == "success" else (workers.failures["failing"], 1)
        )
        if (result, took) != tuple(right):
            raise ConformanceError(
                f"after a failure at 1 s came {result!r} at {took:g} s, and not "
                f"{right[0]!r} at {right[1]} s"
            )

    return scenario


async def _all_fail(make: Make, ground: Ground) -> None:
    race, workers = make(), Workers(ground)
    works = [workers.make(n, s, fails=True)() for n, s in (("one", 1), ("other", 2))]
    try:
        result = await call(race, *works)
    except Exception as error:
        workers.check_gone("race")
        if not isinstance(bare(error), PlannedFailureError) and not isinstance(
            error, ExceptionGroup
        ):
            raise
        return
    raise ConformanceError(f"all failed, and {result!r} came")


def race(
    factory: Make,
    *,
    wins: Literal["completion", "success"] = "completion",
    **options: Unpack[Options],
) -> Report:
    """Examine a race: ``factory()`` returns a function that takes awaitables.

    Awaited it gives the result of the first to complete, or, with ``wins="success"``, of the
    first to succeed.

    Promises: ``first``, the first wins, as soon as it has ended; ``tie``, of those who end at one
    instant one wins; ``failure``, a failure that comes first is the outcome, or is waited out;
    ``failures``, if all fail, so does the race; ``cancelled``, a cancellation reaches all and is
    passed on; ``left behind``, no loser outlives the race, whoever is cancelled at whichever
    step. An awaitable that is neither begun nor closed when the scenario ends is a failure of
    whichever promise was examined.
    """
    check_choice("wins", wins, "completion", "success")
    promises = (
        Promise("first", _the_first_wins),
        Promise("tie", _a_tie_has_one_winner),
        Promise("failure", _first_failure(wins)),
        Promise("failures", _all_fail),
        Promise("cancelled", _cancellation_reaches_all),
        Promise("left behind", _leaves_nobody_behind("race"), cancel=True),
    )
    return examine("race", factory, (), promises, options)
