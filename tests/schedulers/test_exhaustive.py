"""The exhaustive walk tries everything, once, and knows when it has."""

from __future__ import annotations

from math import factorial, prod

import pytest

from simclock.errors import NondeterminismError
from simclock.schedulers import ExhaustiveScheduler, SystematicScheduler


def _interleavings(steps):
    return factorial(sum(steps)) // prod(map(factorial, steps))


@pytest.mark.parametrize("steps", [(1,), (2, 2), (1, 1, 1), (3, 2, 1), (4, 4), (2, 2, 2)])
def test_independent_lanes_are_run_in_every_interleaving_exactly_once(walk, lanes_of, steps):
    logs = [tuple(world.log) for world in walk(ExhaustiveScheduler(), lanes_of(*steps))]

    assert len(set(logs)) == len(logs) == _interleavings(steps)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_timers_of_one_instant_fire_in_every_order(walk, count):
    def program(world):
        for name in "abcd"[:count]:
            world.at(1, lambda name=name: world.log.append(name))
        return []

    logs = [tuple(world.log) for world in walk(ExhaustiveScheduler(), program)]

    assert len(set(logs)) == len(logs) == factorial(count)


@pytest.mark.parametrize("steps", [1, 2, 3, 6])
def test_time_passes_before_each_step_at_which_a_timer_is_pending(walk, lanes_of, steps):
    def program(world):
        def woken():
            world.log.append("timer")
            yield from ()

        world.at(1, lambda: world.spawn(woken()))
        return lanes_of(steps)(world)

    worlds = walk(ExhaustiveScheduler(), program)

    # The stall comes before one of the steps and what it starts joins the rest; or no stall.
    assert len(worlds) == steps * (steps + 3) // 2 + 1
    assert {world.stalls for world in worlds} == {0, 1}


def test_time_passes_to_a_later_timer_before_anything_runs(walk, lanes_of):
    def program(world):
        world.at(1, lambda: None)
        world.at(2, lambda: None)

        def body():
            world.log.append(world.now)
            yield from ()

        return [body()]

    seen = [world.log for world in walk(ExhaustiveScheduler(), program)]

    assert seen == [[0], [1], [2]]


def test_after_the_last_schedule_the_walk_starts_over(walk, lanes_of):
    scheduler = ExhaustiveScheduler()

    first, second = (
        [tuple(world.log) for world in walk(scheduler, lanes_of(2, 2))] for _ in range(2)
    )

    assert first == second
    assert first[0] == ("a", "b", "a", "b")


def test_a_program_that_offers_other_lanes_the_second_time_is_called_nondeterministic(
    run, lanes_of
):
    scheduler = ExhaustiveScheduler()
    run(scheduler, lanes_of(1, 1, 2))
    assert scheduler.advance()

    with pytest.raises(NondeterminismError, match=r"3 runnable lanes.*2 runnable lanes"):
        run(scheduler, lanes_of(1, 1))


def test_a_program_that_decides_something_else_the_second_time_is_called_nondeterministic(
    run, lanes_of
):
    def ties(world):
        for _ in range(2):
            world.at(1, lambda: None)
        return []

    scheduler = ExhaustiveScheduler()
    run(scheduler, lanes_of(1, 1))
    assert scheduler.advance()

    with pytest.raises(NondeterminismError, match="2 timers due at one instant"):
        run(scheduler, ties)


def test_a_run_that_ends_before_the_changed_decision_is_not_counted_as_seen(run, lanes_of):
    scheduler = ExhaustiveScheduler()
    run(scheduler, lanes_of(2, 2))
    assert scheduler.advance()
    run(scheduler, lanes_of(1))

    with pytest.raises(NondeterminismError, match="its end"):
        scheduler.advance()


def test_it_is_a_systematic_scheduler():
    assert isinstance(ExhaustiveScheduler(), SystematicScheduler)
