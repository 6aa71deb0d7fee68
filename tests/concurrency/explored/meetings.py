"""Where tasks wait for each other: events and barriers."""

from __future__ import annotations

import contextlib

from explored.table import scenario

from concurrency import Barrier, BrokenBarrierError, Event, TaskGroup, sleep


@scenario("Event")
async def an_event_releases_all_who_wait(make=Event) -> None:
    event = make()
    ends: dict[str, bool] = {}

    async def wait(name: str, delay: float, timeout: float | None) -> None:
        await sleep(delay)
        ends[name] = await event.wait(timeout=timeout)
        assert ends[name] <= event.is_set()

    async def set_() -> None:
        try:
            await sleep(1)
        finally:
            event.set()

    try:
        async with TaskGroup() as tg:
            tg.start_soon(wait, "early", 0, None)
            tg.start_soon(wait, "on time", 0, 1)
            tg.start_soon(wait, "late", 2, None)
            tg.start_soon(set_)
    finally:
        assert ends.get("early", True)
        assert ends.get("late", True)
        assert event.statistics().tasks_waiting == 0


@scenario("Barrier", "BrokenBarrierError")
async def a_barrier_opens_for_all_or_for_none(make=Barrier) -> None:
    barrier = make(3)
    places: list[int] = []
    there = 0

    async def party(delay: float, timeout: float | None) -> None:
        nonlocal there
        await sleep(delay)
        there += 1
        try:
            place = await barrier.wait(timeout=timeout)
        except (BrokenBarrierError, TimeoutError):
            there -= 1
        else:
            assert there >= 3, "the barrier opened one short"
            places.append(place)

    try:
        async with TaskGroup() as tg:
            times = ((0, None), (1, 1), (2.5, None), (3, 1))
            parties = [tg.spawn(party, *each) for each in times]
            while not all(each.done for each in parties):
                await sleep(10)
                # Who came for a next round, with nobody left to come, is let go.
                barrier.reset()
    finally:
        assert barrier.n_waiting == 0
        assert len(places) <= 3
        assert len(set(places)) == len(places)


@scenario("Barrier", cancel=(False, True))
async def a_barrier_opens_round_after_round(make=Barrier) -> None:
    barrier = make(2)
    rounds = [0, 0]

    async def party(which: int) -> None:
        with contextlib.suppress(BrokenBarrierError):
            for _ in range(3):
                await barrier.wait()
                rounds[which] += 1
                # Nobody can be a round ahead by more than the one that has just opened.
                assert abs(rounds[0] - rounds[1]) <= 1
        assert rounds[which] == 3 or barrier.broken

    async with TaskGroup() as tg:
        for which in range(2):
            tg.start_soon(party, which)
