"""Schedulers are asked for by name, and whatever is asked for wrongly is told what is right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

import simclock
from simclock.errors import UsageError
from simclock.schedulers import (
    FifoScheduler,
    Portfolio,
    Scheduler,
    SystematicScheduler,
    known_names,
    parse,
    register,
    registry,
    resolve,
)
from simclock.schedulers.arrivals import Arrivals

NAMES = [
    "fifo",
    "random",
    "pct:1",
    "pct:3",
    "urw",
    "pos",
    "delays:0",
    "delays:2",
    "holds:2",
    "exhaustive",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_gives_a_scheduler_of_that_name(name):
    scheduler = parse(name)

    assert isinstance(scheduler, Scheduler)
    assert scheduler.name == name


@pytest.mark.parametrize("name", NAMES)
def test_only_the_walks_claim_to_know_when_they_have_seen_it_all(name):
    is_walk = name.startswith(("delays", "exhaustive"))

    assert isinstance(parse(name), SystematicScheduler) == is_walk


def test_the_portfolio_goes_by_name_too():
    portfolio = parse("portfolio")

    assert isinstance(portfolio, Portfolio)
    assert portfolio.name == "portfolio"


def test_each_known_name_with_a_number_for_its_d_is_one_that_can_be_asked_for():
    assert [parse(name.replace(":D", ":3")).name for name in known_names()] == [
        name.replace(":D", ":3") for name in known_names()
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "pct:0",
            "'pct' takes a whole number from 1 to 999999 after a colon, such as 'pct:3', not 'pct:0'",
        ),
        ("pct:x", "such as 'pct:3', not 'pct:x'"),
        ("pct:", "such as 'pct:3', not 'pct:'"),
        ("pct", "such as 'pct:3', not 'pct'"),
        ("pct:3:4", "not 'pct:3:4'"),
        ("pct:٣", "not 'pct:٣'"),
        ("pct:-1", "not 'pct:-1'"),
        ("pct:1000000", "from 1 to 999999"),
        ("holds:0", "'holds' takes a whole number from 1"),
        (
            "delays:-1",
            "'delays' takes a whole number from 0 to 999999 after a colon, such as 'delays:2'",
        ),
        ("fifo:3", "scheduler 'fifo' takes no parameter: write 'fifo', not 'fifo:3'"),
        ("random:", "scheduler 'random' takes no parameter"),
        ("portfolio:2", "scheduler 'portfolio' takes no parameter"),
        ("replay", "needs a recorded run: call simclock.replay"),
        ("follow", "needs a recorded run: call simclock.replay"),
        ("FIFO", "no scheduler is named 'FIFO'; there are fifo, random, pct:D, urw"),
        ("", "no scheduler is named ''"),
        ("dfs", "exhaustive, portfolio"),
    ],
)
def test_a_wrong_name_or_parameter_is_told_what_would_have_been_right(text, sentence):
    with pytest.raises(UsageError) as caught:
        parse(text)

    assert sentence in str(caught.value)


class _Youngest:
    name = "youngest"

    def begin(self, random, profile):
        pass

    def pick(self, runnable):
        return len(runnable) - 1

    def pick_timer(self, count):
        return 0


@pytest.fixture
def _registered(monkeypatch):
    monkeypatch.setattr(registry, "_factories", dict(registry._factories))


def test_an_object_with_the_four_members_is_taken_as_it_is(run, lanes_of):
    scheduler = _Youngest()

    assert resolve(scheduler) is scheduler
    assert run(resolve(scheduler), lanes_of(2, 2)).log == list("bbaa")


def test_a_name_is_resolved_and_a_portfolio_is_taken_as_it_is():
    portfolio = Portfolio()

    assert resolve(portfolio) is portfolio
    assert isinstance(resolve("fifo"), FifoScheduler)


def test_a_class_in_place_of_a_scheduler_is_told_to_make_one():
    with pytest.raises(UsageError, match=r"pass a scheduler, not its class: FifoScheduler\(\)"):
        resolve(FifoScheduler)


@pytest.mark.parametrize("other", [None, 3, Random(0), lambda runnable: 0])
def test_anything_else_is_told_which_members_it_lacks(other):
    with pytest.raises(UsageError, match=r"lacks .*pick_timer"):
        resolve(other)


@pytest.mark.usefixtures("_registered")
def test_a_plug_in_is_known_by_its_name_and_gets_its_parameter():
    asked = []
    register("my-order", lambda parameter: asked.append(parameter) or _Youngest())

    assert isinstance(parse("my-order"), _Youngest)
    assert isinstance(parse("my-order:a:b"), _Youngest)
    assert asked == [None, "a:b"]
    assert known_names()[-1] == "my-order"


@pytest.mark.usefixtures("_registered")
@pytest.mark.parametrize("name", ["fifo", "pct", "portfolio"])
def test_a_name_that_is_taken_cannot_be_registered_again(name):
    with pytest.raises(UsageError, match="registered already"):
        register(name, lambda _parameter: _Youngest())


@pytest.mark.usefixtures("_registered")
@pytest.mark.parametrize("name", ["", "Upper", "with space", "a:b", "-a", "a-", "é"])
def test_a_name_that_could_not_be_written_is_refused(name):
    with pytest.raises(UsageError, match="lower-case words joined by dashes"):
        register(name, lambda _parameter: _Youngest())


@pytest.mark.parametrize("name", NAMES)
def test_arrivals_let_time_pass_exactly_where_the_scheduler_inside_would(name):
    inner = parse(name)
    arrivals = Arrivals(inner)

    assert arrivals.pick([]) == 0
    assert hasattr(arrivals, "wants_stall") == hasattr(inner, "wants_stall")
    assert hasattr(arrivals, "attach") == hasattr(inner, "attach")


# Portfolio.


def test_the_first_schedule_of_the_portfolio_is_calm():
    member = Portfolio().member(0)

    assert (member.scheduler.name, member.stall_rate, member.collects) == ("fifo", 0.0, False)


def test_a_member_depends_on_nothing_but_its_number():
    one, other = Portfolio(), Portfolio()
    forwards = [_describe(one.member(n)) for n in range(200)]

    backwards = [_describe(other.member(n)) for n in reversed(range(200))]

    assert forwards == backwards[::-1]


def _describe(member):
    return (member.scheduler.name, member.stall_rate, member.collects)


def test_two_members_never_share_a_scheduler():
    portfolio = Portfolio()

    assert len({id(m.scheduler) for m in [portfolio.member(n) for n in range(50)]}) == 50


def test_calm_order_comes_again_only_with_stalls():
    members = [Portfolio().member(n) for n in range(1, 500)]

    assert all(m.stall_rate > 0 for m in members if m.scheduler.name == "fifo")


@pytest.mark.parametrize("every", [1, 2, 3, 4, 5, 7, 8, 10])
def test_the_first_thousand_have_every_scheduler_with_and_without_stalls(every):
    # Also if every other, every third, … number goes to something else, such as a sweep.
    members = [Portfolio().member(n) for n in range(1, 1_000) if every == 1 or n % every]
    seen = {(m.scheduler.name, m.stall_rate > 0) for m in members}

    names = {"random", "pct:2", "pct:3", "pct:5", "urw", "pos", "holds:2", "holds:4"}
    assert seen == {(name, stalls) for name in names for stalls in (True, False)} | {("fifo", True)}


def test_each_scheduler_of_the_portfolio_collects_garbage_once_in_a_while():
    members = [Portfolio().member(n) for n in range(500)]

    assert 0.1 < sum(m.collects for m in members) / 500 < 0.2
    assert {m.scheduler.name for m in members} == {m.scheduler.name for m in members if m.collects}


def test_numbers_below_zero_are_refused():
    with pytest.raises(UsageError, match="numbered from 0, not -1"):
        Portfolio().member(-1)


# Equal in every run and every process.


@pytest.mark.parametrize("name", ["random", "pct:3", "urw", "pos", "holds:2"])
def test_a_scheduler_that_served_other_runs_decides_as_a_new_one(run, profile_of, lanes_of, name):
    program = lanes_of(5, 7, 3)
    profile = profile_of(program)
    used = parse(name)
    for seed in range(5):
        run(used, lanes_of(9, 9), seed=seed)

    logs = [run(s, program, seed=42, profile=profile).log for s in (used, parse(name))]

    assert logs[0] == logs[1]


@pytest.mark.parametrize("name", ["random", "pct:3", "urw", "pos", "holds:4"])
def test_other_seeds_give_other_runs(run, lanes_of, name):
    logs = {tuple(run(parse(name), lanes_of(9, 9, 9), seed=s).log) for s in range(30)}

    assert len(logs) > 10


_COURSES = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("worlds", sys.argv[1])
worlds = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worlds)
from simclock.schedulers import Portfolio

def body(world, name):
    for instant in (1, None, 2, None, 3):
        world.log.append(name)
        yield instant if instant and instant > world.now else None

for number in range(40):
    scheduler = Portfolio().member(number).scheduler
    world = worlds.World(scheduler, lambda w: [body(w, n) for n in "abcde"], seed=number)
    print(scheduler.name, world.trace.order)
"""


def test_all_courses_are_the_same_whatever_the_hash_seed():
    def courses(hash_seed):
        root = Path(simclock.__file__).parents[1]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
        return subprocess.run(
            [sys.executable, "-c", _COURSES, str(Path(__file__).with_name("conftest.py"))],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    first, *others = [courses(seed) for seed in ("0", "1", "4711")]

    assert first.count("\n") == 40
    assert all(other == first for other in others)
