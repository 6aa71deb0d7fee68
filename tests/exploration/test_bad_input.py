"""Bad input is refused at the call, with the sentence that says what would have been right."""

from __future__ import annotations

import asyncio
import functools

import anyio
import anyio.to_thread
import programs
import pytest

import simclock

SOUND = programs.no_lost_update


def not_async() -> None:
    """Look like a main and be none."""


@pytest.mark.parametrize("call", [simclock.run, simclock.explore])
def test_a_main_that_is_not_async_is_refused(call) -> None:
    with pytest.raises(simclock.UsageError, match="write 'async def not_async'"):
        call(not_async)


def test_a_coroutine_is_refused_and_closed_rather_than_left_unawaited() -> None:
    with pytest.raises(simclock.UsageError, match="this is a coroutine: pass no_lost_update"):
        simclock.run(SOUND())


def test_a_partial_of_an_async_function_is_a_main(backend: str) -> None:
    async def main(value: int, *, more: int) -> int:
        return value + more

    assert simclock.run(functools.partial(main, more=1), 2, backend=backend) == 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"backend": "curio"}, "backend is 'asyncio', 'trio' or a tuple of both, not 'curio'"),
        ({"backend": ()}, "backend is 'asyncio', 'trio' or a tuple of both"),
        ({"backend": ("trio", "trio")}, "a tuple of both"),
        ({"seed": -1}, "seed is a whole number >= 0, not -1"),
        ({"scheduler": "pct:0"}, "pct"),
        ({"scheduler": "chance"}, "no scheduler is named 'chance'"),
        ({"scheduler": object()}, "lacks name, begin, pick, pick_timer"),
        ({"schedules": 0}, "schedules is a whole number >= 1, not 0"),
        ({"workers": 0}, "workers is a whole number >= 1, not 0"),
        ({"cancel": "all"}, "cancel is False, True or 'tasks', not 'all'"),
        ({"stalls": 1.5}, "stalls is a probability from 0 to 1, not 1.5"),
        ({"reorder": "everything"}, "reorder is 'tasks' or 'arrivals', not 'everything'"),
        ({"on_failure": "ignore"}, "on_failure is 'raise' or 'return', not 'ignore'"),
        ({"limits": 5}, "limits is a simclock.Limits, not 5"),
        ({"epoch": float("nan")}, "epoch is a date in seconds since 1970"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options: dict, sentence: str) -> None:
    with pytest.raises(simclock.UsageError) as caught:
        simclock.explore(SOUND, **options)

    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", ["steps", "virtual_time", "wall_time"])
@pytest.mark.parametrize("value", [0, -1])
def test_limits_that_no_run_could_respect_are_refused(name: str, value: int) -> None:
    with pytest.raises(simclock.UsageError, match=name):
        simclock.Limits(**{name: value})


def test_running_a_portfolio_once_is_refused() -> None:
    with pytest.raises(simclock.UsageError, match="call explore"):
        simclock.run(SOUND, scheduler="portfolio")


def test_a_simulation_inside_a_simulation_is_refused(backend: str) -> None:
    async def main() -> None:
        simclock.run(SOUND, backend="asyncio")

    with pytest.raises(simclock.NestedSimulationError, match="await the inner main"):
        simclock.run(main, backend=backend)


def test_a_simulation_in_a_worker_thread_of_a_simulation_is_refused(backend: str) -> None:
    async def outer() -> None:
        await anyio.to_thread.run_sync(simclock.run, programs.no_lost_update)

    with pytest.raises(simclock.NestedSimulationError, match="await the inner main"):
        simclock.run(outer, backend=backend)


def test_a_simulation_inside_a_real_loop_is_refused_unless_it_has_a_thread_of_its_own() -> None:
    async def inside() -> None:
        with pytest.raises(simclock.UsageError, match="an event loop is already running"):
            simclock.run(SOUND)
        await asyncio.to_thread(simclock.run, SOUND)

    asyncio.run(inside())


def test_asking_for_the_simulation_outside_of_one_is_refused() -> None:
    with pytest.raises(simclock.NoSimulationError, match="explore or replay"):
        simclock.current()


def test_a_damaged_schedule_is_refused() -> None:
    with pytest.raises(simclock.ScheduleTextError, match="cut or altered"):
        simclock.replay(SOUND, schedule="s1:asyncio:0:-:00000000")


def test_the_current_simulation_tells_time_seed_and_randomness(backend: str) -> None:
    async def main() -> tuple[float, int, float]:
        await anyio.sleep(2.5)
        here = simclock.current()
        await here.settle()
        return here.now, here.seed, here.random("dice").random()

    first, second = (simclock.run(main, backend=backend, seed=9) for _ in range(2))

    assert first == second
    assert first[:2] == (2.5, 9)
