"""Checks of retry."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from itertools import pairwise

import pytest
from areas.groups import Interrupt
from checking import NATIVE, explored, kit, scenarios

from concurrency import current_time, fail_after, move_on_after, retry, sleep
from properties import conformance


class Service:
    """Fails as often as told, and notes when it was called."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls: list[float] = []

    async def call(self) -> str:
        self.calls.append(current_time())
        if self.errors:
            raise self.errors.pop(0)
        return "answer"

    @property
    def pauses(self) -> list[float]:
        return [later - sooner for sooner, later in pairwise(self.calls)]


async def it_calls_as_often_as_it_is_told() -> None:
    for attempts in (1, 2, 3):
        service = Service(*(OSError(str(number)) for number in range(9)))
        with pytest.raises(OSError) as caught:
            await retry(service.call, attempts=attempts)
        assert str(caught.value) == str(attempts - 1), "the last error is raised"
        assert len(service.calls) == attempts
    service = Service(OSError(), OSError())
    assert await retry(service.call, attempts=3) == "answer"
    assert len(service.calls) == 3


async def its_pauses_double_up_to_their_bound() -> None:
    service = Service(*[OSError()] * 5)
    await retry(service.call, attempts=6, base_delay=1, max_delay=5, jitter=0)
    assert service.pauses == [1, 2, 4, 5, 5]
    service = Service(OSError())
    await retry(service.call, base_delay=9, max_delay=2, jitter=0)
    assert service.pauses == [2]


async def jitter_adds_a_random_part() -> None:
    service = Service(*[OSError()] * 4)
    await retry(
        service.call, attempts=5, base_delay=8, max_delay=8, jitter=0.5, rng=random.Random(1)
    )
    assert all(8 <= pause <= 12 for pause in service.pauses)
    assert len({round(pause, 6) for pause in service.pauses}) > 1


async def only_what_is_worth_it_is_retried() -> None:
    for error in (LookupError(), Interrupt()):
        service = Service(error)
        with pytest.raises(type(error)) as caught:
            await retry(service.call, retry_on=OSError)
        assert caught.value is error
        assert len(service.calls) == 1


async def a_cancellation_is_never_retried() -> None:
    calls = 0

    async def call() -> None:
        nonlocal calls
        calls += 1
        await sleep(50)

    with move_on_after(1) as scope:
        await retry(call, attempts=3, base_delay=0, retry_on=BaseException)
    assert scope.cancelled_caught
    assert calls == 1


async def a_native_cancellation_is_never_retried() -> None:
    calls = 0

    async def call() -> None:
        nonlocal calls
        calls += 1
        await sleep(50)

    task = asyncio.create_task(retry(call, attempts=3, base_delay=0, retry_on=BaseException))
    await sleep(1)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert calls == 1


async def it_does_not_sleep_past_its_deadline() -> None:
    service = Service(*[OSError()] * 9)
    try:
        with fail_after(4):
            await retry(service.call, attempts=9, base_delay=1, max_delay=9, jitter=0)
    except OSError:
        assert current_time() == 3, "at 1 and 3 it called; the next call would be at 7"
    else:
        raise AssertionError("the error was lost to the timeout")


CHECKS = (
    kit(
        partial(
            conformance.retry,
            lambda: retry,
            pauses=((0.1, 0.11), (0.2, 0.22)),
            sees_deadlines=True,
            passes=Interrupt,
        )
    ),
    explored(it_calls_as_often_as_it_is_told),
    explored(its_pauses_double_up_to_their_bound, stalls=0),
    explored(jitter_adds_a_random_part, stalls=0),
    explored(only_what_is_worth_it_is_retried),
    explored(a_cancellation_is_never_retried, stalls=0),
    explored(a_native_cancellation_is_never_retried, stalls=0, backends=NATIVE),
    explored(it_does_not_sleep_past_its_deadline, stalls=0),
    *scenarios("patterns"),
)
