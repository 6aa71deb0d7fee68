"""Each random scheduler finds what it promises to, as often as its formula says."""

from __future__ import annotations

import itertools
from collections import Counter
from math import comb, sqrt
from random import Random

import pytest

from simclock.errors import UsageError
from simclock.kernel import FAIRNESS_CHOICES, Lane
from simclock.schedulers import PctScheduler, Profile, UniformScheduler, parse


def _frequency(run, name, program, profile, runs, found):
    scheduler = parse(name)
    return sum(found(run(scheduler, program, seed=s, profile=profile)) for s in range(runs)) / runs


def _slack(probability, runs):
    """Four standard deviations."""
    return 4 * sqrt(probability * (1 - probability) / runs)


def _chi_square(counts, cells):
    expected = sum(counts.values()) / cells
    return sum((n - expected) ** 2 / expected for n in counts.values()) + expected * (
        cells - len(counts)
    )


def _is_uniform(counts, cells):
    return _chi_square(counts, cells) < cells - 1 + 4 * sqrt(2 * (cells - 1))


# Uniform choice.


def test_random_takes_each_runnable_lane_equally_often(run, lanes_of):
    logs = (run(UniformScheduler(), lanes_of(1, 1, 1, 1), seed=s).log for s in range(4_000))

    assert _is_uniform(Counter(log[0] for log in logs), 4)


@pytest.mark.parametrize("name", ["random", "pct:2", "urw", "pos", "holds:2"])
def test_every_random_scheduler_fires_each_timer_of_an_instant_first_equally_often(run, name):
    def program(world):
        for letter in "xyz":
            world.at(1, lambda letter=letter: world.log.append(letter))
        return []

    logs = (run(parse(name), program, seed=s).log for s in range(3_000))

    assert _is_uniform(Counter(map(tuple, logs)), 6)


def test_random_starves_a_lane_for_ten_choices_in_one_run_of_two_to_the_tenth(run, lanes_of):
    found = _frequency(run, "random", lanes_of(1, 10), Profile(), 8_000, lambda w: w.log[-1] == "a")

    assert 0 < found < 2**-10 + _slack(2**-10, 8_000)


# Priorities.


def _pattern(wanted):
    """Match logs in which lanes a and b begin with exactly these steps, wherever others run."""
    return lambda world: "".join(world.log).replace("c", "").startswith(wanted)


@pytest.mark.parametrize(
    ("name", "steps", "bug", "depth"),
    [
        ("pct:1", (5, 5), _pattern("bbbbb"), 1),
        ("pct:2", (6, 1), _pattern("aaab"), 2),
        ("pct:2", (6, 1), _pattern("aaaaab"), 2),
        ("pct:2", (2, 6, 1), _pattern("bbbba"), 2),
        ("pct:3", (4, 4), _pattern("aabba"), 3),
        ("pct:3", (4, 4), _pattern("bbbab"), 3),
    ],
)
def test_pct_finds_a_bug_of_its_depth_as_often_as_the_paper_promises(
    run, profile_of, lanes_of, name, steps, bug, depth
):
    program = lanes_of(*steps)
    profile, runs = profile_of(program), 6_000
    promised = 1 / (len(steps) * profile.steps ** (depth - 1))

    found = _frequency(run, name, program, profile, runs, bug)

    assert found >= promised - _slack(promised, runs)


def test_pct_without_change_points_never_interleaves_two_lanes(run, lanes_of):
    logs = Counter("".join(run(PctScheduler(1), lanes_of(3, 3), seed=s).log) for s in range(100))

    assert set(logs) == {"aaabbb", "bbbaaa"}


def test_pct_lowers_priorities_as_often_as_its_depth_allows(run, profile_of, lanes_of):
    program = lanes_of(8, 8)
    profile = profile_of(program)

    def switches(depth):
        logs = (run(PctScheduler(depth), program, seed=s, profile=profile).log for s in range(500))
        return max(sum(a != b for a, b in itertools.pairwise(log)) for log in logs)

    # The last switch is the end of one lane.
    assert [switches(depth) for depth in (1, 2, 3, 4)] == [1, 2, 3, 4]


def test_the_later_of_two_lowered_lanes_is_the_lower_one_about_half_the_time(
    run, profile_of, lanes_of
):
    program = lanes_of(12, 12, 12)
    profile = profile_of(program)
    last = Counter()
    for seed in range(3_000):
        log = "".join(run(PctScheduler(3), program, seed=seed, profile=profile).log)
        order = [a for a, b in itertools.pairwise(log) if a != b] + [log[-1]]
        # Two lanes were lowered, one after the other, and ran in either order when the third ended.
        if len(order) == 5 and set(order[3:]) == set(order[:2]):
            last[order[4] == order[1]] += 1

    assert sum(last.values()) > 200
    assert _is_uniform(last, 2)


def test_lanes_opened_late_get_any_priority(run):
    def program(world):
        def child(name):
            world.log.append(name)
            yield from ()

        def parent():
            world.spawn(child("c"))
            yield
            world.log.append("p")

        return [parent()]

    firsts = Counter(run(PctScheduler(1), program, seed=s).log[0] for s in range(1_000))

    assert _is_uniform(firsts, 2)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_lane_that_spins_at_the_highest_priority_does_not_keep_the_run_from_ending(run, depth):
    def program(world):
        def spinner():
            while "done" not in world.log:
                yield

        def worker():
            for _ in range(30):
                yield
            world.log.append("done")

        return [spinner(), spinner(), worker()]

    steps = [run(PctScheduler(depth), program, seed=seed).step for seed in range(200)]

    # Two spinners are demoted in turn, then the worker goes through.
    assert max(steps) < 4 * FAIRNESS_CHOICES


def test_pct_chooses_uniformly_once_the_run_is_far_longer_than_the_calm_one(run, lanes_of):
    log = run(PctScheduler(1), lanes_of(1_200, 1_200), profile=Profile(steps=10)).log

    early, late = log[:1_000], log[1_000:1_400]
    switches = [sum(a != b for a, b in itertools.pairwise(p)) for p in (early, late)]
    assert switches[0] < 1_000 / FAIRNESS_CHOICES + 2
    assert 150 < switches[1] < 250


def test_a_depth_below_one_is_refused():
    with pytest.raises(UsageError, match="depth >= 1"):
        PctScheduler(0)


# Weights.


@pytest.mark.parametrize("steps", [(2, 6), (1, 1, 5), (3, 3, 2)])
def test_urw_runs_all_interleavings_of_independent_lanes_equally_often(
    run, profile_of, lanes_of, steps
):
    program = lanes_of(*steps)
    profile = profile_of(program)
    cells = comb(sum(steps), steps[0]) * comb(sum(steps[1:]), steps[1])

    def counts(name):
        scheduler, runs = parse(name), 20 * cells
        logs = (run(scheduler, program, seed=s, profile=profile).log for s in range(runs))
        return Counter(map(tuple, logs))

    assert _is_uniform(counts("urw"), cells)
    assert not _is_uniform(counts("random"), cells)


def _forking(world):
    def child():
        for left in (3, 2, 1, 0):
            world.log.append("c")
            if left:
                yield

    def parent():
        world.log.append("p")
        world.spawn(child(), parent=world.lanes[2])
        yield
        world.log.append("q")

    def other():
        for left in (2, 1, 0):
            world.log.append("o")
            if left:
                yield

    return [parent(), other()]


def test_urw_counts_the_steps_of_lanes_not_yet_spawned_for_the_one_that_will(run, profile_of):
    profile = profile_of(_forking)
    scheduler, runs = parse("urw"), 8_400

    logs = (run(scheduler, _forking, seed=s, profile=profile).log for s in range(runs))

    # q goes to one of 5 places among the child's 4 steps, o o o anywhere among those 6.
    assert _is_uniform(Counter(map(tuple, logs)), 5 * comb(9, 3))


def test_urw_without_a_profile_is_uniform_choice(run, lanes_of):
    logs = (run(parse("urw"), lanes_of(1, 9), seed=s).log for s in range(4_000))

    assert _is_uniform(Counter(log[0] for log in logs), 2)


def test_urw_learns_of_steps_that_were_no_choice(run, profile_of):
    # Lane a takes its nine steps alone; then a and b have one step each left.
    def program(world):
        def body(name, alone):
            for _ in range(alone):
                yield
            yield 1
            world.log.append(name)

        return [body("a", 9), body("b", 0)]

    profile = profile_of(program)
    logs = (run(parse("urw"), program, seed=s, profile=profile).log for s in range(4_000))

    assert _is_uniform(Counter(log[0] for log in logs), 2)


def test_urw_weighs_plain_callbacks_by_their_own_steps_alone():
    # Every lane descends from theirs, in name only.
    callbacks = Lane(0, "callbacks", None, ())
    main = Lane(1, "main", callbacks, (0,))
    profile = Profile(8, 8, {(): 2, (0,): 4, (0, 0): 2})
    scheduler, picked = parse("urw"), 0
    for seed in range(4_000):
        scheduler.begin(Random(seed), profile)
        scheduler.spawned(callbacks)
        scheduler.spawned(main)
        picked += scheduler.pick([callbacks, main]) == 0

    assert abs(picked / 4_000 - 2 / 8) < _slack(2 / 8, 4_000)


# Priorities of single steps.


def test_pos_starves_a_step_as_long_as_no_later_one_draws_less(run, lanes_of):
    # One draw against nine: the single step is last if its draw is the least of ten.
    found = _frequency(run, "pos", lanes_of(9, 1), Profile(), 6_000, lambda w: w.log[-1] == "b")

    assert abs(found - 1 / 10) < _slack(1 / 10, 6_000)


def test_pos_draws_anew_for_each_step_of_a_lane(run, lanes_of):
    # With one draw for each lane, these logs would be aaabbb and bbbaaa.
    logs = Counter("".join(run(parse("pos"), lanes_of(3, 3), seed=s).log) for s in range(2_000))

    assert len(logs) == 20


# Lanes held back.


def test_a_single_hold_leaves_the_order_of_all_other_lanes_calm(run, profile_of, lanes_of):
    program = lanes_of(6, 6, 6, 6)
    profile = profile_of(program)
    calm = run(parse("fifo"), program).log
    held = Counter()
    for seed in range(400):
        log = run(parse("holds:1"), program, seed=seed, profile=profile).log
        if log != calm:
            held[
                next(
                    name
                    for name in "abcd"
                    if [x for x in log if x != name] == [x for x in calm if x != name]
                )
            ] += 1

    assert set(held) == set("abcd")
    # Few holds change nothing: those that begin in the steps after the last choice.
    assert sum(held.values()) > 350


def test_twice_as_long_a_hold_is_not_much_rarer(run, profile_of, lanes_of):
    program = lanes_of(64, 64)
    profile = profile_of(program)

    def longest(log):
        run_, best = 0, 0
        for before, after in itertools.pairwise(log):
            run_ = run_ + 1 if before == after else 0
            best = max(best, run_)
        return best

    times = [
        longest(run(parse("holds:1"), program, seed=s, profile=profile).log) for s in range(900)
    ]
    between = [sum(n <= t < 2 * n for t in times) for n in (2, 4, 8, 16)]

    # Uniform on a logarithmic scale: each doubling has its one part in log2(128).
    assert all(900 / 7 * 0.5 < n < 900 / 7 * 1.5 for n in between)


def test_a_number_of_holds_below_one_is_refused():
    with pytest.raises(UsageError, match="number >= 1"):
        parse("holds:1").__class__(0)
