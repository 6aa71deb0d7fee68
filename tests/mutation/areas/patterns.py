"""Checks of gather, gather_settled, race, first_success, and of what an outcome is."""

# ruff: noqa: PT017 - These programs run without pytest.

from __future__ import annotations

import asyncio
from functools import partial

import anyio
import pytest
from areas.groups import Interrupt, Work
from checking import NATIVE, explored, kit, scenarios

from concurrency import (
    CancelScope,
    TaskGroup,
    current_time,
    first_success,
    gather,
    gather_settled,
    move_on_after,
    race,
    sleep,
)
from properties import conformance


async def leave(seconds: float, error: BaseException | None = None, value: str = "late") -> str:
    """Take a second longer than told to leave, and then fail or return all the same."""
    try:
        await sleep(seconds)
    finally:
        with CancelScope(shield=True):
            await sleep(1)
        if error is not None:
            raise error
    return value


async def answer_when_cancelled(value: str) -> str:
    """Answer a cancellation with a value, as naive work does."""
    try:
        await sleep(50)
    except BaseException:
        return value
    return value


async def gathered_values_and_failures_keep_the_order_of_the_arguments() -> None:
    work, errors = Work(), [OSError("first"), ValueError("second")]
    assert await gather(*(work.after(seconds) for seconds in (3, 1, 2))) == [3, 1, 2]
    mixed = await gather(
        work.after(2, errors[0]), work.after(3), work.after(1, errors[1]), return_exceptions=True
    )
    assert mixed == [errors[0], 3, errors[1]], "and nobody was cancelled"
    began = current_time()
    try:
        await gather(leave(50, errors[0]), work.after(1, errors[1]), work.after(60))
    except ExceptionGroup as group:
        assert list(group.exceptions) == errors
    else:
        raise AssertionError("failures were swallowed")
    assert current_time() == began + 2, "a failure ends the rest"


async def all_are_settled_however_they_end() -> None:
    work, error = Work(), OSError()
    good, bad = await gather_settled(work.after(2), work.after(1, error))
    assert good.unwrap() == 2
    assert (good.is_fulfilled, bad.is_rejected) == (True, True)
    assert bad.unwrap_or(None) is None
    try:
        bad.unwrap()
    except OSError as raised:
        assert raised is error
    else:
        raise AssertionError("a rejected one has a value")


async def an_interrupt_is_raised_bare_and_ends_all() -> None:
    work = Work()
    patterns = (
        lambda *aws: gather(*aws, return_exceptions=True),
        gather,
        gather_settled,
        first_success,
    )
    for pattern in patterns:
        began = current_time()
        try:
            await pattern(work.after(1, Interrupt()), work.after(50))
        except Interrupt:
            assert current_time() == began + 1, "the others were waited out"
        else:
            raise AssertionError("an interrupt was swallowed")


async def an_interrupt_of_a_loser_is_raised() -> None:
    for pattern in (race, first_success):
        try:
            await pattern(Work().after(1), leave(50, Interrupt()))
        except Interrupt:
            pass
        else:
            raise AssertionError("an interrupt of a loser was dropped")


async def a_failure_beats_a_cancellation_that_comes_while_all_leave() -> None:
    for pattern in (gather, race):
        error = OSError()
        with move_on_after(1.5):
            try:
                # It fails at 1; the other leaves until 2, and the caller is cancelled at 1.5.
                await pattern(Work().after(1, error), leave(50))
            except OSError as raised:
                assert raised is error
                continue
            except ExceptionGroup as group:
                assert list(group.exceptions) == [error]
                continue
        raise AssertionError("the failure was lost behind the cancellation")


async def the_first_to_end_wins_and_losers_are_not_heard() -> None:
    for loser in (leave(50, LookupError()), answer_when_cancelled("too late")):
        began = current_time()
        assert await race(loser, Work().after(1)) == 1
        assert current_time() <= began + 2
    began = current_time()
    try:
        await race(Work().after(1, OSError()), Work().after(50))
    except OSError:
        assert current_time() == began + 1
    else:
        raise AssertionError("the error that came first was waited out")
    try:
        await race(Work().after(50), timeout=2)
    except TimeoutError:
        assert current_time() == began + 3
    else:
        raise AssertionError("the time was over")


async def the_first_success_wins_over_failures_and_later_successes() -> None:
    assert await first_success(Work().after(1, OSError()), Work().after(2)) == 2
    assert await first_success(answer_when_cancelled("too late"), Work().after(1)) == 1
    errors = [OSError(), ValueError()]
    with pytest.raises(ExceptionGroup) as caught:
        await first_success(Work().after(2, errors[0]), Work().after(1, errors[1]))
    assert list(caught.value.exceptions) == errors
    try:
        await first_success(Work().after(1, errors[0]), Work().after(50), timeout=2)
    except TimeoutError as error:
        assert isinstance(error.__cause__, ExceptionGroup), "what failed until then is its cause"
        assert list(error.__cause__.exceptions) == errors[:1]
    else:
        raise AssertionError("the time was over")


async def a_cancellation_is_raised_once_all_have_ended() -> None:
    for pattern in (gather, gather_settled, race, first_success):
        work, went_on = Work(), False
        with move_on_after(1) as scope:
            await pattern(work.after(50), work.after(60))
            went_on = True
        assert scope.cancelled_caught
        assert not went_on, "the cancellation was swallowed"
        assert sorted(work.ends) == ["50 cancelled", "60 cancelled"]


async def a_group_of_failures_arrives_whole_although_all_is_cancelled() -> None:
    error = OSError()

    async def nested() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(leave, 50, error)
            group.start_soon(sleep, 50)

    for make in (_in_a_gather, _in_a_task_group):
        seen: list[BaseException] = []
        with move_on_after(1) as scope:
            try:
                await make(nested)
            except BaseException as raised:
                seen.extend(_leaves(raised))
                raise_cancellation(raised)
        assert error in seen, "what failed while all were cancelled is lost"
        assert scope.cancel_called


async def _in_a_gather(work) -> None:
    await gather(work())


async def _in_a_task_group(work) -> None:
    async with TaskGroup() as tg:
        tg.start_soon(work)


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]


def raise_cancellation(error: BaseException) -> None:
    if isinstance(error, anyio.get_cancelled_exc_class()):
        raise error


async def a_cancellation_in_a_group_with_a_failure_reaches_its_scope() -> None:
    async def nested() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(leave, 50, OSError())
            await sleep(50)

    with CancelScope() as outer:
        async with anyio.create_task_group() as group:
            outcomes = []

            async def settle() -> None:
                outcomes.extend(await gather(nested(), return_exceptions=True))
                outcomes.append("went on")

            group.start_soon(settle)
            await sleep(1)
            outer.cancel()
    assert "went on" not in outcomes, "a cancelled gather returned results"


async def an_error_that_is_raised_on_has_no_false_context() -> None:
    error = OSError()
    async with TaskGroup() as tg:
        handle = tg.spawn(gather_settled, *[_fail(error)])
    (report,) = handle.result()
    try:
        try:
            raise LookupError("something else")
        except LookupError:
            report.unwrap()
    except OSError as raised:
        assert raised.__context__ is None, "an error that was kept gets the context of its reader"


async def _fail(error: BaseException) -> None:
    raise error


async def one_cancelled_natively_concerns_nobody_else() -> None:
    tasks: list[asyncio.Task] = []

    async def note(seconds: float) -> float:
        tasks.append(asyncio.current_task())
        await sleep(seconds)
        return seconds

    async def cancel_it() -> None:
        await sleep(1)
        tasks[0].cancel()

    canceller = asyncio.create_task(cancel_it())
    first, second = await gather_settled(note(50), Work().after(3))
    await canceller
    assert second.unwrap() == 3, "it ended all others"
    assert isinstance(first.error, anyio.TaskCancelled)


async def what_never_began_is_closed_and_cancelled() -> None:
    before = asyncio.all_tasks()
    for pattern in (gather, gather_settled):

        async def caller(pattern=pattern):
            return await pattern(Work().after(1), Work().after(2))

        task = asyncio.create_task(caller())
        await asyncio.sleep(0)
        for each in sorted(asyncio.all_tasks() - before - {task}, key=lambda each: each.get_name()):
            each.cancel()
        await asyncio.wait([task])
        if pattern is gather:
            assert isinstance(task.exception() or OSError(), ExceptionGroup | OSError)


CHECKS = (
    kit(partial(conformance.gather, lambda: gather, shape="group")),
    kit(partial(conformance.race, lambda: race)),
    kit(partial(conformance.race, lambda: first_success, wins="success"), note="first_success"),
    explored(gathered_values_and_failures_keep_the_order_of_the_arguments, stalls=0),
    explored(all_are_settled_however_they_end, stalls=0),
    explored(an_interrupt_is_raised_bare_and_ends_all, stalls=0),
    explored(an_interrupt_of_a_loser_is_raised, stalls=0),
    explored(a_failure_beats_a_cancellation_that_comes_while_all_leave, stalls=0),
    explored(the_first_to_end_wins_and_losers_are_not_heard, stalls=0),
    explored(the_first_success_wins_over_failures_and_later_successes, stalls=0),
    explored(a_cancellation_is_raised_once_all_have_ended, stalls=0),
    explored(a_group_of_failures_arrives_whole_although_all_is_cancelled, stalls=0),
    explored(a_cancellation_in_a_group_with_a_failure_reaches_its_scope, stalls=0),
    explored(an_error_that_is_raised_on_has_no_false_context, stalls=0),
    explored(one_cancelled_natively_concerns_nobody_else, backends=NATIVE, stalls=0),
    explored(what_never_began_is_closed_and_cancelled, backends=NATIVE, stalls=0),
    *scenarios("patterns"),
    *scenarios("natively"),
)
