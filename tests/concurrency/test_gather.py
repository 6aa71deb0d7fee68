"""gather, gather_settled, race and first_success: one engine, four questions."""

from __future__ import annotations

import math

import anyio
import pytest

from concurrency import checkpoint, first_success, gather, gather_settled, race, sleep

BACKENDS = ("asyncio", "trio")
both = pytest.mark.parametrize("backend", BACKENDS)


async def give(value: object, delay: float = 0) -> object:
    await sleep(delay)
    return value


async def fail(error: BaseException, delay: float = 0) -> None:
    await sleep(delay)
    raise error


async def fail_at_once() -> None:
    raise ValueError


class Witness:
    """Work that tells whether it was cancelled, and whether it has ended."""

    def __init__(self) -> None:
        self.ended = False

    async def work(self) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await checkpoint()
            self.ended = True


async def swallowing_gather(*aws: object, return_exceptions: bool = False) -> list[object]:
    """Planted bug: everything that is raised becomes a result, cancellation and exits too."""
    results: list[object] = [None] * len(aws)

    async def run(index: int, aw: object) -> None:
        try:
            results[index] = await aw
        except BaseException as exc:
            if not return_exceptions:
                raise
            results[index] = exc

    async with anyio.create_task_group() as tg:
        for index, aw in enumerate(aws):
            tg.start_soon(run, index, aw)
    return results


async def careless_race(*aws: object, timeout: float | None) -> object:
    """Planted bug: the first to end wins nothing if it failed, and the time is nobody's."""
    winner: list[object] = []

    async def run(aw: object) -> None:
        try:
            winner.append(await aw)
        except ValueError:
            pass
        tg.cancel_scope.cancel()

    async with anyio.create_task_group() as tg:
        for aw in aws:
            tg.start_soon(run, aw)
    return winner


async def results_keep_the_order_of_the_arguments() -> None:
    assert await gather(give(1, 0.002), give(2, 0.001), give(3)) == [1, 2, 3]
    assert await gather() == []


async def a_failure_cancels_and_awaits_the_siblings() -> None:
    witness = Witness()
    with pytest.raises(ExceptionGroup) as caught:
        await gather(witness.work(), fail(ValueError("first")))
    assert witness.ended
    assert [str(error) for error in caught.value.exceptions] == ["first"]


async def an_exit_is_never_a_result(gather=gather) -> None:
    with pytest.raises(SystemExit):
        await gather(give(1), fail(SystemExit(1), 0.001), return_exceptions=True)


async def a_cancellation_is_never_a_result() -> None:
    witness = Witness()
    with anyio.move_on_after(0.001) as scope:
        await gather(witness.work(), fail(ValueError()), return_exceptions=True)
        pytest.fail("the cancellation was swallowed")
    assert scope.cancelled_caught
    assert witness.ended


async def errors_are_results_on_request() -> None:
    error = ValueError()
    assert await gather(give(1), fail(error), return_exceptions=True) == [1, error]
    first, second = await gather_settled(give(1), fail(error))
    assert (first.is_fulfilled, first.value, first.unwrap(), first.unwrap_or(2)) == (True, 1, 1, 1)
    assert (second.is_rejected, second.error, second.unwrap_or(2)) == (True, error, 2)
    assert (first.status, second.status) == ("fulfilled", "rejected")
    with pytest.raises(ValueError):
        second.unwrap()


async def a_failure_beats_a_cancellation() -> None:
    async def fail_on_the_way_out() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise KeyError

    with pytest.raises(ExceptionGroup), anyio.move_on_after(0.001):
        await gather(fail_on_the_way_out())


async def the_first_to_end_wins_even_with_an_error(race=race) -> None:
    witness = Witness()
    with pytest.raises(ValueError, match="fast"):
        await race(witness.work(), fail(ValueError("fast")), Witness().work(), timeout=None)
    assert witness.ended


async def the_first_to_end_wins_with_a_value() -> None:
    witness = Witness()
    assert await race(witness.work(), give(7), Witness().work()) == 7
    assert witness.ended


async def time_runs_out_for_all() -> None:
    for pattern in (race, first_success):
        witness = Witness()
        with pytest.raises(TimeoutError):
            await pattern(witness.work(), timeout=0.001)
        assert witness.ended


async def the_first_success_outlasts_failures() -> None:
    witness = Witness()
    assert await first_success(fail(ValueError()), give(3, 0.001), witness.work()) == 3
    assert witness.ended
    with pytest.raises(ExceptionGroup) as caught:
        await first_success(fail(ValueError(), 0.001), fail(KeyError()))
    assert [type(error) for error in caught.value.exceptions] == [ValueError, KeyError]
    with pytest.raises(TimeoutError) as late:
        await first_success(fail_at_once(), Witness().work(), timeout=0.001)
    assert isinstance(late.value.__cause__, ExceptionGroup)


SCENARIOS = [
    results_keep_the_order_of_the_arguments,
    a_failure_cancels_and_awaits_the_siblings,
    an_exit_is_never_a_result,
    a_cancellation_is_never_a_result,
    errors_are_results_on_request,
    a_failure_beats_a_cancellation,
    the_first_to_end_wins_even_with_an_error,
    the_first_to_end_wins_with_a_value,
    time_runs_out_for_all,
    the_first_success_outlasts_failures,
]


@both
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_gather(scenario, backend) -> None:
    anyio.run(scenario, backend=backend)


@both
@pytest.mark.parametrize(
    ("scenario", "naive"),
    [
        (an_exit_is_never_a_result, swallowing_gather),
        (the_first_to_end_wins_even_with_an_error, careless_race),
    ],
)
def test_a_naive_version_is_found(scenario, naive, backend) -> None:
    with pytest.raises(pytest.fail.Exception):
        anyio.run(scenario, naive, backend=backend)


@pytest.mark.parametrize("pattern", [gather, gather_settled, race, first_success])
def test_what_cannot_be_awaited_is_refused_and_the_rest_closed(pattern) -> None:
    good = give(1)
    with pytest.raises(TypeError, match=r"number 1 is a function; call the function: f\(\), not f"):
        pattern(good, give)
    assert good.cr_frame is None
    twice = give(1)
    with pytest.raises(ValueError, match="same coroutine twice"):
        pattern(twice, twice)


@pytest.mark.parametrize("pattern", [race, first_success])
def test_a_race_of_none_and_a_wrong_time_are_refused(pattern) -> None:
    with pytest.raises(ValueError, match="at least one awaitable"):
        pattern()
    good = give(1)
    with pytest.raises(ValueError, match="NaN"):
        pattern(good, timeout=math.nan)
    assert good.cr_frame is None
