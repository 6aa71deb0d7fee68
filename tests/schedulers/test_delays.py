"""Delay bounding walks through all schedules with few delays, fewest first."""

from __future__ import annotations

from itertools import accumulate, permutations

import pytest

from simclock.errors import NondeterminismError, UsageError
from simclock.schedulers import DelayScheduler


def _inversions(order):
    return sum(a > b for i, a in enumerate(order) for b in order[i + 1 :])


@pytest.mark.parametrize("lanes", [2, 3, 4, 5])
@pytest.mark.parametrize("bound", [0, 1, 2, 3, 10])
def test_lanes_of_one_step_are_run_in_as_many_orders_as_have_so_few_inversions(
    walk, lanes_of, lanes, bound
):
    # Choosing the i-th of n lanes costs i delays, whatever order that leaves the others in:
    # so the schedules with d delays are as many as the permutations with d inversions.
    by_inversions = [0] * 11
    for order in permutations(range(lanes)):
        by_inversions[_inversions(order)] += 1

    logs = [tuple(world.log) for world in walk(DelayScheduler(bound), lanes_of(*[1] * lanes))]

    assert len(set(logs)) == len(logs) == list(accumulate(by_inversions))[bound]


def test_one_delay_is_spent_once_at_each_choice(run, walk, lanes_of):
    calm = run(DelayScheduler(0), lanes_of(3, 4, 2))

    logs = [tuple(world.log) for world in walk(DelayScheduler(1), lanes_of(3, 4, 2))]

    assert logs[0] == tuple(calm.log)
    assert len(logs) == 1 + calm.choices == len(set(logs))


def test_enough_delays_reach_every_interleaving(walk, lanes_of):
    logs = {tuple(world.log) for world in walk(DelayScheduler(20), lanes_of(2, 3))}

    assert len(logs) == 10


def test_a_delayed_lane_stands_behind_those_that_were_runnable_and_before_later_ones(
    walk, lanes_of
):
    logs = ["".join(world.log) for world in walk(DelayScheduler(1), lanes_of(2, 2, 2))]

    assert logs[0] == "abcabc"
    # First choice: a goes behind b and c, but stays before the second steps of both.
    assert logs[1] == "bcabca"


def test_two_delays_at_one_choice_pass_over_two_lanes(walk, lanes_of):
    logs = ["".join(world.log) for world in walk(DelayScheduler(2), lanes_of(1, 1, 1))]

    assert logs == ["abc", "bca", "acb", "cab", "bac"]


def test_all_schedules_with_fewer_delays_come_before_any_with_more(walk, lanes_of):
    walks = {
        bound: [tuple(world.log) for world in walk(DelayScheduler(bound), lanes_of(2, 2, 1))]
        for bound in range(4)
    }

    for bound in range(3):
        assert walks[bound + 1][: len(walks[bound])] == walks[bound]
        assert len(walks[bound + 1]) > len(walks[bound])


def test_letting_time_pass_and_firing_a_later_timer_first_cost_a_delay_each(walk, lanes_of):
    def program(world):
        for name in "xy":
            world.at(1, lambda name=name: world.log.append(name))
        return lanes_of(1)(world)

    logs = ["".join(world.log) for world in walk(DelayScheduler(2), program)]

    assert logs == ["axy", "xya", "ayx", "yxa"]


def test_a_walk_cut_short_has_tried_delays_all_over_the_run(run, lanes_of):
    scheduler, program = DelayScheduler(1), lanes_of(500, 500)
    calm = run(scheduler, program).log
    places = []
    for _ in range(10):
        assert scheduler.advance()
        log = run(scheduler, program).log
        places.append(
            next(i for i, pair in enumerate(zip(calm, log, strict=True)) if pair[0] != pair[1])
        )

    quarters = {place * 4 // 1000 for place in places}

    assert quarters == {0, 1, 2, 3}


def test_after_the_last_schedule_the_walk_starts_over(walk, lanes_of):
    scheduler = DelayScheduler(2)

    first, second = ([w.log for w in walk(scheduler, lanes_of(2, 2))] for _ in range(2))

    assert first == second


def test_a_planned_delay_that_the_run_never_reaches_is_called_nondeterminism(run, lanes_of):
    scheduler = DelayScheduler(1)
    run(scheduler, lanes_of(2, 2))
    assert scheduler.advance()
    run(scheduler, lanes_of(1))

    with pytest.raises(NondeterminismError, match="only 0 decisions"):
        scheduler.advance()


def test_a_choice_with_fewer_lanes_than_planned_for_is_called_nondeterminism(run, lanes_of):
    scheduler = DelayScheduler(2)
    while run(scheduler, lanes_of(1, 1, 1)).log != list("cab"):
        assert scheduler.advance()

    with pytest.raises(NondeterminismError, match="only 2 options at decision 1"):
        run(scheduler, lanes_of(1, 1))


def test_a_negative_bound_is_refused():
    with pytest.raises(UsageError, match="bound >= 0"):
        DelayScheduler(-1)
