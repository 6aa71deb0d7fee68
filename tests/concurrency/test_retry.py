"""retry: how often, how long between, and when no more."""

from __future__ import annotations

import random

import anyio
import pytest

from concurrency import checkpoint, current_time, retry

BACKENDS = ("asyncio", "trio")
both = pytest.mark.parametrize("backend", BACKENDS)


class Flaky:
    """Fails so many times, then succeeds."""

    def __init__(self, failures: float, error: type[BaseException] = OSError) -> None:
        self.failures, self.error, self.calls = failures, error, 0

    async def __call__(self) -> int:
        await checkpoint()
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error(f"call {self.calls}")
        return self.calls


async def naive_retry(fn, *, attempts: int, base_delay: float, max_delay: float, **_) -> object:
    """Planted bugs: a power that overflows, and no look at the deadline."""
    for attempt in range(attempts):
        try:
            return await fn()
        except OSError:
            if attempt == attempts - 1:
                raise
            await anyio.sleep(min(max_delay, base_delay * 2.0**attempt))
    return None


async def attempts_count_the_first_call() -> None:
    flaky = Flaky(2)
    assert await retry(flaky, attempts=3, base_delay=0) == 3
    flaky = Flaky(3)
    with pytest.raises(OSError, match="call 3"):
        await retry(flaky, attempts=3, base_delay=0)


async def only_what_is_listed_is_tried_again() -> None:
    flaky = Flaky(1, KeyError)
    with pytest.raises(KeyError):
        await retry(flaky, retry_on=(OSError,), base_delay=0)
    assert flaky.calls == 1
    assert await retry(Flaky(1, KeyError), retry_on=LookupError, base_delay=0) == 2


async def the_delay_never_overflows(retry=retry) -> None:
    flaky = Flaky(1100)
    assert await retry(flaky, attempts=1101, base_delay=1e-300, max_delay=0.0, jitter=0) == 1101


async def no_sleep_reaches_past_the_deadline(retry=retry) -> None:
    calls: list[int] = []

    async def fail_at_once() -> None:
        calls.append(1)
        raise ConnectionError

    with pytest.raises(ConnectionError), anyio.CancelScope() as scope:
        scope.deadline = current_time() + 0.05
        await retry(fail_at_once, attempts=2, base_delay=60, max_delay=60)
    assert calls == [1]


async def cancellation_is_never_tried_again() -> None:
    flaky = Flaky(0)

    async def hang() -> None:
        flaky.calls += 1
        await anyio.sleep_forever()

    with anyio.move_on_after(0.001) as scope:
        await retry(hang, retry_on=(BaseException,), base_delay=0)
    assert scope.cancelled_caught
    assert flaky.calls == 1


async def jitter_stretches_by_what_the_source_says() -> None:
    start = current_time()
    rng = random.Random(1)
    await retry(Flaky(1), base_delay=0.001, jitter=0.5, rng=rng)
    assert current_time() - start >= 0.001 * (1 + random.Random(1).random() * 0.5)
    # Exactly one number was drawn.
    other = random.Random(1)
    other.random()
    assert rng.random() == other.random()


SCENARIOS = [
    attempts_count_the_first_call,
    only_what_is_listed_is_tried_again,
    the_delay_never_overflows,
    no_sleep_reaches_past_the_deadline,
    cancellation_is_never_tried_again,
    jitter_stretches_by_what_the_source_says,
]


@both
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_retry(scenario, backend) -> None:
    anyio.run(scenario, backend=backend)


@both
@pytest.mark.parametrize(
    "scenario", [the_delay_never_overflows, no_sleep_reaches_past_the_deadline]
)
def test_a_naive_retry_is_found(scenario, backend) -> None:
    with pytest.raises((OverflowError, pytest.fail.Exception)):
        anyio.run(scenario, naive_retry, backend=backend)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"attempts": 0}, ValueError, "attempts must be 1 or more"),
        ({"base_delay": -1}, ValueError, "base_delay must be 0 or more"),
        ({"max_delay": "2"}, TypeError, "max_delay must be a number"),
        ({"jitter": -0.1}, ValueError, "jitter must be 0 or more"),
        ({"retry_on": (int,)}, TypeError, "exception classes"),
    ],
)
def test_wrong_options_are_refused(options, error, said) -> None:
    with pytest.raises(error, match=said):
        retry(Flaky(0), **options)


def test_a_coroutine_cannot_be_tried_again() -> None:
    with pytest.raises(TypeError, match=r"write f, not f\(\)"):
        retry(checkpoint())
