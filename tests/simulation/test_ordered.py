"""What asyncio and trio keep in sets is walked in one order everywhere."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

import simclock
from simclock.simulation.ordered import OrderedSet, OrderedWeakSet


class Member:
    """Something that can be referred to weakly."""


def test_members_come_in_the_order_in_which_they_were_added():
    members = [Member() for _ in range(50)]
    weak, strong = OrderedWeakSet(), OrderedSet()

    for member in [*members, members[3]]:
        weak.add(member)
        strong.add(member)

    assert list(weak) == list(strong) == members
    assert len(weak) == len(strong) == 50


def test_a_weak_set_keeps_nobody_alive():
    members = [Member() for _ in range(3)]
    weak = OrderedWeakSet()
    for member in members:
        weak.add(member)

    del members[1], member

    assert list(weak) == members
    assert len(weak) == 2


def test_members_may_go_while_one_walks():
    members = [Member() for _ in range(3)]
    weak = OrderedWeakSet()
    for member in members:
        weak.add(member)

    walked = []
    for member in weak:
        walked.append(member)
        members.clear()

    assert len(walked) == 1
    del member, walked
    assert len(weak) == 0


def test_members_can_be_taken_out():
    one, other = Member(), Member()
    weak, strong = OrderedWeakSet(), OrderedSet([one])
    weak.add(one)
    strong.update([other, one])

    weak.discard(one)
    weak.discard(other)

    assert list(weak) == []
    assert list(strong) == [one, other]
    weak.add(one)
    weak.clear()
    strong.clear()
    assert len(weak) == len(strong) == 0


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_generators_that_are_left_are_closed_in_the_order_in_which_they_began(backend):
    closed = []

    async def generate(number):
        try:
            yield number
        finally:
            closed.append(number)

    async def main():
        # What lies between them scatters their addresses.
        kept = [(bytes(number * 97), generate(number)) for number in range(40)]
        for _, generator in reversed(kept):
            await anext(generator)
        await anyio.lowlevel.checkpoint()
        return kept

    with pytest.raises(simclock.LeakError, match="async generators suspended"):
        simclock.run(main, backend=backend)

    assert closed == sorted(closed, reverse=True)
    assert len(closed) == 40
