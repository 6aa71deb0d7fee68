"""A world of lanes without an event loop: generators that step, sleep and fork."""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush
from random import Random

import pytest

from simclock.kernel import Lane, Trace
from simclock.schedulers import FifoScheduler, Profile
from simclock.schedules import Deviation, Kind

_STEPS_MAX = 100_000


class World:
    """One run. A lane is a generator: ``yield`` stays runnable, ``yield n`` sleeps until n."""

    def __init__(self, scheduler, program, *, seed=0, profile=None):
        self.step, self.now, self.trace, self.log = 0, 0, Trace(), []
        self.choices, self.ties, self.stalls, self.applied = 0, 0, 0, []
        self.lanes, self.ready = [], []
        self._seq, self._ages, self._timers, self._bodies = 0, 0, [], {}
        self._scheduler = scheduler
        scheduler.begin(Random(seed), profile or Profile())
        if hasattr(scheduler, "attach"):
            scheduler.attach(self)
        self._root = self._open("callbacks", None)
        self.main = self._open("main", self._root)
        for index, body in enumerate(program(self)):
            self.spawn(body, name="abcdefghij"[index])
        self._go()

    def spawn(self, body, *, name="child", parent=None):
        lane = self._open(name, parent or self.main)
        self._bodies[lane.id] = body
        self._make_ready(lane)
        return lane

    def at(self, due, fire):
        self._ages += 1
        heappush(self._timers, (due, self._ages, fire))

    def _open(self, name, parent):
        key = () if parent is None else (*parent.key, parent.children)
        if parent is not None:
            parent.children += 1
        lane = Lane(len(self.lanes), name, parent, key)
        self.lanes.append(lane)
        if hasattr(self._scheduler, "spawned"):
            self._scheduler.spawned(lane)
        return lane

    def _make_ready(self, lane):
        self._seq = lane.seq = self._seq + 1
        self.ready.append(lane)

    def _go(self):
        while self.ready or self._timers:
            if not self.ready:
                self._pass_time()
                continue
            self.step += 1
            assert self.step < _STEPS_MAX
            wants_stall = getattr(self._scheduler, "wants_stall", None)
            while wants_stall is not None and self._timers and wants_stall():
                self.stalls += 1
                self._pass_time()
            self._run_one()

    def _run_one(self):
        index = 0
        if len(self.ready) > 1:
            self.choices += 1
            index = self._scheduler.pick(self.ready)
        lane = self.ready.pop(index)
        self.trace.order.append(lane.id)
        for due in self._bodies[lane.id]:
            if due is None:
                self._make_ready(lane)
            else:
                self.at(due, lambda: self._make_ready(lane))
            break

    def _pass_time(self):
        self.now = self._timers[0][0]
        self.trace.order.append(-self.now)
        due = []
        while self._timers and self._timers[0][0] == self.now:
            due.append(heappop(self._timers)[2])
        while due:
            option = 0
            if len(due) > 1:
                self.ties += 1
                option = self._scheduler.pick_timer(len(due))
                if option:
                    self.applied.append(Deviation(self.ties, Kind.TIE, count=option))
            due.pop(option)()


@pytest.fixture(scope="session")
def run():
    """Run a program, a function from the world to the bodies of its first lanes."""
    return World


@pytest.fixture(scope="session")
def profile_of():
    """Profile the calm run of a program."""

    def profile(program):
        calm = World(FifoScheduler(), program)
        steps = Counter(lane for lane in calm.trace.order if lane >= 0)
        by_lane = {calm.lanes[lane].key: count for lane, count in steps.items()}
        return Profile(sum(steps.values()), calm.choices, by_lane)

    return profile


@pytest.fixture(scope="session")
def walk():
    """Run every schedule of a systematic scheduler, at most 20,000."""

    def walk(scheduler, program):
        worlds = []
        for _ in range(20_000):
            worlds.append(World(scheduler, program))
            if not scheduler.advance():
                return worlds
        raise AssertionError("the walk does not end")

    return walk


@pytest.fixture(scope="session")
def lanes_of():
    """Make a program whose lanes take the given numbers of steps and log their names."""

    def lanes_of(*steps):
        def body(world, name, count):
            for left in range(count - 1, -1, -1):
                world.log.append(name)
                if left:
                    yield

        return lambda world: [body(world, "abcdefghij"[i], n) for i, n in enumerate(steps)]

    return lanes_of
