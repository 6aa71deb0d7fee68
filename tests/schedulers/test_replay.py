"""Any run can be followed, any followed run is a schedule, and replaying that gives the run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simclock.errors import ReplayDivergedError
from simclock.schedulers import FollowScheduler, ReplayScheduler, Scheduler, parse
from simclock.schedules import Deviation, Kind, Schedule

RANDOM = ["random", "pct:1", "pct:3", "urw", "pos", "holds:2"]


def _schedule(*deviations):
    return Schedule("asyncio", 0, deviations)


def _program(sleeps):
    """Make a program of lanes that log, sleep to shared instants, and spawn one child each."""

    def child(world, name):
        for _ in range(2):
            world.log.append(name)
            yield

    def body(world, name, instants):
        for instant in instants:
            world.log.append(name)
            yield instant if instant > world.now else None
        world.spawn(child(world, name.upper()), name=name.upper())

    return lambda world: [body(world, "abcd"[i], each) for i, each in enumerate(sleeps)]


@pytest.mark.parametrize("name", RANDOM)
@given(
    seed=st.integers(0, 2**32),
    sleeps=st.lists(st.lists(st.integers(0, 5), max_size=6).map(sorted), min_size=1, max_size=4),
)
def test_replaying_what_was_followed_gives_the_same_order(run, name, seed, sleeps):
    program = _program(sleeps)
    found = run(parse(name), program, seed=seed)
    follower = FollowScheduler(found.trace.order, found.applied)
    followed = run(follower, program)
    schedule = _schedule(*follower.deviations, *followed.applied)
    replayer = ReplayScheduler(schedule)
    replayed = run(replayer, program)

    held = run(ReplayScheduler(_schedule(*follower.holds, *followed.applied)), program)

    assert found.trace.order == followed.trace.order == replayed.trace.order == held.trace.order
    assert found.log == followed.log == replayed.log == held.log
    assert replayer.unused == ()


def test_following_a_calm_run_finds_no_deviations(run, lanes_of):
    calm = run(parse("fifo"), lanes_of(3, 3))
    follower = FollowScheduler(calm.trace.order)
    run(follower, lanes_of(3, 3))

    assert follower.deviations == ()


def test_each_deviation_names_the_step_and_the_lane_that_ran_out_of_turn(run, lanes_of):
    # Lanes 2 and 3 are the program's two; calm would be 2 3 2 3.
    follower = FollowScheduler([2, 2, 3, 3])
    world = run(follower, lanes_of(2, 2))

    assert world.log == ["a", "a", "b", "b"]
    assert follower.deviations == (Deviation(2, Kind.RUN, 2),)


def test_a_lane_that_starved_for_long_is_a_single_hold(run, lanes_of):
    follower = FollowScheduler([3, 3, 3, 2, 3, 2])
    run(follower, lanes_of(2, 4))

    # Lane 2 was passed over at steps 1 to 3; at step 5 lane 3 was the older one.
    assert follower.holds == (Deviation(1, Kind.HOLD, 2, 3),)
    assert len(follower.deviations) == 3


def test_following_past_the_end_of_the_record_is_calm(run, lanes_of):
    world = run(FollowScheduler([3]), lanes_of(2, 2))

    assert world.log == ["b", "a", "b", "a"]


def test_following_a_lane_that_cannot_run_tells_step_lane_and_who_could(run, lanes_of):
    with pytest.raises(ReplayDivergedError) as caught:
        run(FollowScheduler([2, 9]), lanes_of(2, 2))

    assert str(caught.value) == (
        "step 2: the schedule says lane 9 runs, but the runnable lanes are 'b' (3), 'a' (2)"
    )


def test_a_run_deviation_counts_for_its_step_alone(run, lanes_of):
    world = run(ReplayScheduler(_schedule(Deviation(3, Kind.RUN, 3))), lanes_of(3, 3))

    assert world.trace.order == [2, 3, 3, 2, 3, 2]


def test_a_held_lane_does_not_run_until_the_hold_is_over(run, lanes_of):
    hold = Deviation(1, Kind.HOLD, lane=2, count=3)

    world = run(ReplayScheduler(_schedule(hold)), lanes_of(2, 4))

    assert world.log == list("bbbaba")


def test_a_held_lane_runs_when_no_other_can(run, lanes_of):
    hold = Deviation(1, Kind.HOLD, lane=2, count=100)

    world = run(ReplayScheduler(_schedule(hold)), lanes_of(2, 3))

    assert world.log == list("bbbaa")


def test_of_lanes_that_are_all_held_the_oldest_runs(run, lanes_of):
    holds = (Deviation(1, Kind.HOLD, lane, 100) for lane in (2, 3))

    world = run(ReplayScheduler(_schedule(*holds)), lanes_of(2, 2))

    assert world.log == list("abab")


def test_a_run_deviation_prevails_over_a_hold(run, lanes_of):
    schedule = _schedule(Deviation(1, Kind.HOLD, 2, 100), Deviation(2, Kind.RUN, 2))

    world = run(ReplayScheduler(schedule), lanes_of(2, 2))

    assert world.log == list("baba")


def test_a_tie_deviation_is_found_by_the_number_of_the_tie(run):
    def program(world):
        for due in (1, 2):
            for name in "xyz":
                world.at(due, lambda name=name: world.log.append(name))
        return []

    # Three timers of one instant are two ties: among three, then among two.
    world = run(ReplayScheduler(_schedule(Deviation(3, Kind.TIE, count=2))), program)

    assert world.log == list("xyz" + "zxy")


def test_strict_replay_names_the_lane_that_was_to_run(run, lanes_of):
    schedule = _schedule(Deviation(2, Kind.RUN, 2), Deviation(5, Kind.RUN, 2))

    with pytest.raises(ReplayDivergedError) as caught:
        run(ReplayScheduler(schedule), lanes_of(2, 3, 3))

    assert caught.value.step == 5
    assert str(caught.value) == (
        "step 5: the schedule says 'a' (lane 2) runs, but the runnable lanes are 'b' (3), 'c' (4)"
    )


def test_strict_replay_names_a_lane_that_was_never_opened_by_number(run, lanes_of):
    with pytest.raises(ReplayDivergedError, match="lane 7 runs, but"):
        run(ReplayScheduler(_schedule(Deviation(1, Kind.RUN, 7))), lanes_of(2, 3))


def test_a_choice_that_never_came_and_no_later_one_leaves_the_deviation_unused(run):
    def program(world):
        def late():
            yield 1
            yield
            yield

        def early():
            yield 2
            yield

        return [late(), early()]

    # Steps 3 and 4 have one runnable lane each, so there is nothing to choose.
    schedule = _schedule(Deviation(3, Kind.RUN, 2), Deviation(6, Kind.RUN, 2))
    replayer = ReplayScheduler(schedule)
    run(replayer, program)

    assert replayer.unused == schedule.deviations


def test_strict_replay_reports_a_missed_choice_at_the_next_one(run):
    def program(world):
        def late():
            yield 1
            yield 2
            yield

        def early():
            yield 2
            yield

        return [late(), early()]

    with pytest.raises(ReplayDivergedError, match=r"step 3: .*no choice at that step"):
        run(
            ReplayScheduler(_schedule(Deviation(3, Kind.RUN, 2), Deviation(4, Kind.RUN, 3))),
            program,
        )


def test_strict_replay_refuses_a_tie_of_too_few_timers(run):
    def program(world):
        for name in "xy":
            world.at(1, lambda name=name: world.log.append(name))
        return []

    with pytest.raises(ReplayDivergedError, match=r"timer 2 fires first at tie 1.*only 2 timers"):
        run(ReplayScheduler(_schedule(Deviation(1, Kind.TIE, count=2))), program)


def test_tolerant_replay_passes_over_what_does_not_fit_and_lists_it(run, lanes_of):
    fits = Deviation(2, Kind.RUN, 2)
    misfits = (Deviation(3, Kind.RUN, 9), Deviation(7, Kind.TIE, count=1))
    replayer = ReplayScheduler(_schedule(fits, *misfits), strict=False)

    world = run(replayer, lanes_of(2, 2))

    assert world.log == list("aabb")
    assert replayer.unused == misfits


def test_tolerant_replay_takes_the_oldest_timer_of_a_tie_with_too_few(run):
    def program(world):
        for name in "xy":
            world.at(1, lambda name=name: world.log.append(name))
        return []

    schedule = _schedule(Deviation(1, Kind.TIE, count=2))
    world = run(ReplayScheduler(schedule, strict=False), program)

    assert world.log == list("xy")


def test_a_scheduler_that_replays_or_follows_can_serve_run_after_run(run, lanes_of):
    replayer = ReplayScheduler(_schedule(Deviation(2, Kind.RUN, 2)))
    follower = FollowScheduler([2, 2, 3, 3])

    for scheduler in (replayer, follower):
        logs = [run(scheduler, lanes_of(2, 2)).log for _ in range(2)]

        assert logs == [list("aabb"), list("aabb")]


def test_a_step_that_is_decided_twice_is_followed_and_replayed_once(run, lanes_of):
    # A backend asks again, under the same number, when the chosen step turns out to be empty.
    class Twice:
        def __init__(self, scheduler: Scheduler) -> None:
            self.scheduler = scheduler
            self.begin, self.attach = scheduler.begin, scheduler.attach
            self.pick_timer = scheduler.pick_timer

        def pick(self, runnable):
            assert self.scheduler.pick(runnable) == self.scheduler.pick(list(runnable))
            return self.scheduler.pick(runnable)

    follower = FollowScheduler([2, 2, 3, 3])
    run(Twice(follower), lanes_of(2, 2))
    replayer = ReplayScheduler(_schedule(*follower.deviations))
    world = run(Twice(replayer), lanes_of(2, 2))

    assert world.log == list("aabb")
    assert replayer.unused == ()
