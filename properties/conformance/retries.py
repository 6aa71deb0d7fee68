"""The kit for retry: how often a function is called, when, and what ends it."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Unpack, cast

import anyio

from properties.conformance.calls import call
from properties.conformance.checks import check_count, check_error, is_number
from properties.conformance.ground import Ground
from properties.conformance.kit import Make, Options, Promise, Scenario, examine
from properties.conformance.verdicts import ConformanceError, Report
from properties.conformance.workers import PlannedFailureError
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["retry"]

# What sums of floats and a clock of whole nanoseconds may be off by, in seconds.
_ROUNDING: Final = 1e-8
_ATTEMPTS_MAX: Final = 50


class _Flaky:
    """Fails some times, then returns; remembers when it was called."""

    def __init__(
        self,
        ground: Ground,
        failures: float,
        seconds: float = 0,
        error: type[BaseException] = PlannedFailureError,
    ) -> None:
        self._ground = ground
        self._failures = failures
        self._seconds = seconds
        self._error = error
        self.called: list[float] = []
        self.raised: list[BaseException] = []

    async def __call__(self) -> str:
        self.called.append(self._ground.now())
        await self._ground.sleep(self._seconds)
        if len(self.raised) < self._failures:
            self.raised.append(self._error(f"failure {len(self.raised) + 1}"))
            raise self.raised[-1]
        return f"call {len(self.called)}"


def _succeeds_in_the_end(attempts: int) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        for failures in range(attempts):
            flaky = _Flaky(ground, failures)
            result = await call(make(), flaky)
            if result != f"call {failures + 1}" or len(flaky.called) != failures + 1:
                raise ConformanceError(
                    f"after {failures} failures came {result!r}, in {len(flaky.called)} calls"
                )

    return scenario


def _gives_up(attempts: int) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        flaky = _Flaky(ground, float("inf"))
        try:
            result = await call(make(), flaky)
        except PlannedFailureError as error:
            if len(flaky.called) != attempts:
                raise ConformanceError(
                    f"{attempts} attempts were promised, and {len(flaky.called)} made"
                ) from None
            if error is not flaky.raised[-1]:
                raise ConformanceError(f"the last error was not raised, but {error!r}") from None
            return
        raise ConformanceError(f"every attempt failed, and {result!r} came")

    return scenario


def _pauses(attempts: int, pauses: Sequence[tuple[float, float]]) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        flaky = _Flaky(ground, attempts - 1)
        await call(make(), flaky)
        for number, (least, most) in enumerate(pauses[: attempts - 1]):
            pause = flaky.called[number + 1] - flaky.called[number]
            if not least - _ROUNDING <= pause <= most + _ROUNDING:
                raise ConformanceError(
                    f"pause {number + 1} is {least:g} to {most:g} s, and was {pause:g} s"
                )

    return scenario


def _passes(error: type[BaseException]) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        flaky = _Flaky(ground, float("inf"), error=error)
        try:
            await call(make(), flaky)
        except error as passed:
            if len(flaky.called) > 1 or passed is not flaky.raised[0]:
                raise ConformanceError(
                    f"{error.__name__} is not retried, and {len(flaky.called)} calls were made"
                ) from None
            return
        raise ConformanceError(f"{error.__name__} is not retried, and did not come out")

    return scenario


async def _cancelled_in_a_call(make: Make, ground: Ground) -> None:
    """Let the timeout strike while the function runs: that is no failure to be retried."""
    flaky, began = _Flaky(ground, 0, seconds=100), ground.now()

    async def whole() -> None:
        await call(make(), flaky)

    if await ground.give_up(5, whole):
        raise ConformanceError("it was cancelled, and went on as if it had not been")
    if len(flaky.called) != 1 or ground.now() != began + 5:
        raise ConformanceError(
            f"it was cancelled at t={began + 5:g}s, ended at t={ground.now():g}s, and made "
            f"{len(flaky.called)} calls"
        )


async def _cancelled_at_any_time(make: Make, ground: Ground) -> None:
    """Whenever it is cancelled, in a call or in a pause, nothing is called any more."""
    flaky = _Flaky(ground, float("inf"))
    over, late = False, 0

    async def watched() -> None:
        nonlocal late
        # What is raised here may be lost in a task that nobody waits for.
        late += over
        await flaky()

    async def whole() -> None:
        nonlocal over
        # Of what it raises in the end, an error of its own perhaps, "attempts" is the judge.
        with suppress(Exception):
            try:
                await call(make(), watched)
            finally:
                over = True

    await ground.run(whole)
    # Whatever was left running would call it now.
    await ground.sleep(1000)
    if late:
        raise ConformanceError(f"the retry had ended, and called {late} times more")


def _cancelled_in_a_pause(least: float) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        flaky, began = _Flaky(ground, float("inf")), ground.now()

        async def whole() -> None:
            await call(make(), flaky)
            raise ConformanceError("it was cancelled in a pause, and went on")

        await ground.interrupt(least / 2, whole)
        if len(flaky.called) != 1 or abs(ground.now() - began - least / 2) > _ROUNDING:
            raise ConformanceError(
                f"it was cancelled in its first pause, made {len(flaky.called)} calls, and ended "
                f"after {ground.now() - began:g} s"
            )

    return scenario


async def _sees_deadlines(make: Make, ground: Ground) -> None:
    """Begin no pause that would end after the deadline: the failure comes at once."""
    flaky, began = _Flaky(ground, float("inf")), ground.now()
    came: BaseException | None = None
    with anyio.move_on_after(1e-6):
        try:
            await call(make(), flaky)
        except PlannedFailureError as error:
            came = error
    if came is None or ground.now() != began:
        raise ConformanceError(
            "the deadline comes before the next attempt could, and it was waited for"
        )


def retry(
    factory: Make,
    *,
    attempts: int = 3,
    pauses: Sequence[tuple[float, float]] = (),
    passes: type[BaseException] | None = None,
    sees_deadlines: bool = False,
    **options: Unpack[Options],
) -> Report:
    """Examine a retry: ``factory()`` returns a function that takes an async function.

    It calls that up to ``attempts`` times, 2 to 50, counting the first. ``pauses`` are the
    least and the most seconds from each failure to the next call; ``passes`` is a kind of error
    that it does not retry; with ``sees_deadlines`` it begins no pause that would end after the
    effective deadline (AnyIO's), and has pauses of a microsecond or more.

    Promises: ``succeeds``, the first result comes, and nothing is called after it; ``attempts``,
    no more and no fewer, and then the last error as it is; ``pauses``; ``passes``; ``cancelled``,
    a cancellation is not retried, and ``cancelled in a pause``, if those are told, it ends at
    once; ``over``, whenever it is cancelled, nothing is called afterwards; ``deadlines``.

    Raises:
        UsageError: ``attempts`` or ``pauses`` are out of range, or ``passes`` is no class of
            exceptions.
    """
    check_count("attempts, counting the first call,", attempts, _ATTEMPTS_MAX, least=2)
    _check_pauses(pauses)
    if passes is not None:
        check_error("passes", passes, BaseException)
    promises = [
        Promise("succeeds", _succeeds_in_the_end(attempts)),
        Promise("attempts", _gives_up(attempts)),
        Promise("cancelled", _cancelled_in_a_call),
        Promise("over", _cancelled_at_any_time, cancel=True),
    ]
    if pauses:
        promises.append(Promise("pauses", _pauses(attempts, pauses)))
        if (least := pauses[0][0]) > _ROUNDING:
            promises.append(Promise("cancelled in a pause", _cancelled_in_a_pause(least)))
    if passes is not None:
        promises.append(Promise("passes", _passes(passes)))
    if sees_deadlines:
        promises.append(Promise("deadlines", _sees_deadlines))
    return examine("retry", factory, (), promises, options)


def _check_pauses(pauses: Any) -> None:
    if not isinstance(pauses, (list, tuple)):
        raise UsageError(f"pauses is a tuple with a pair of numbers for each, not {pauses!r}")
    for pause in cast("Sequence[Any]", pauses):
        if not _is_span(pause):
            raise UsageError(
                f"a pause is (the least, the most) seconds, finite and 0 or more, not {pause!r}"
            )


def _is_span(pause: Any) -> bool:
    if not isinstance(pause, (list, tuple)):
        return False
    numbers = list(cast("Sequence[Any]", pause))
    return (
        len(numbers) == 2
        and all(map(is_number, numbers))
        and 0 <= numbers[0] <= numbers[1] < math.inf
    )
