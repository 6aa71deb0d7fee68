"""Checks of the leak tracker."""

# ruff: noqa: PT017 - These programs run without pytest.

from __future__ import annotations

import gc

import pytest
from checking import explored, scenarios

from concurrency import LeakTracker, ResourceLeakError, sleep, track_resource, untrack_resource


class Thing:
    """Something that is opened and closed."""


class Bare:
    """Something that has no weak references."""

    __slots__ = ()


def names(leaks) -> list[str]:
    return [leak.name for leak in leaks]


async def the_innermost_records_and_every_one_forgets() -> None:
    with LeakTracker() as outer:
        first = Thing()
        track_resource(first, name="first")
        with LeakTracker() as inner:
            second = Thing()
            track_resource(second, name="second")
            assert (names(outer.live()), names(inner.live())) == (["first"], ["second"])
            untrack_resource(first)
            untrack_resource(second)
        third = Thing()
        track_resource(third, name="third")
        assert names(outer.live()) == ["third"]
        assert names(inner.live()) == [], "a tracker that was left records on"
        untrack_resource(third)
    track_resource(first, name="nobody's")
    assert names(outer.live()) == names(inner.live()) == []


async def what_is_open_is_listed_oldest_first_with_its_age() -> None:
    tracker, kept = LeakTracker(), []
    for name in ("a", "b", "c"):
        kept.append(Thing())
        tracker.track(kept[-1], name=name)
        await sleep(1)
    tracker.acquire("permit", kept[0])
    assert names(tracker.live()) == ["a", "b", "c", "Thing"]
    assert [leak.age for leak in tracker.check_leaks()] == [3, 2, 1, 0]
    tracker.untrack(kept[1])
    tracker.untrack(kept[1])
    assert names(tracker.check_leaks()) == ["a", "c", "Thing"]
    tracker.clear()
    assert tracker.check_leaks() == []


async def a_dropped_object_is_no_leak_and_a_dropped_obligation_is() -> None:
    tracker = LeakTracker()
    thing, owed = Thing(), Thing()
    tracker.track(thing)
    tracker.acquire("permit", owed)
    del thing, owed
    gc.collect()
    assert tracker.live() == [], "what is gone does not live"
    assert [leak.kind for leak in tracker.check_leaks()] == ["permit"]


async def each_acquire_needs_a_release_of_its_kind() -> None:
    tracker, thing = LeakTracker(), Thing()
    for kind in ("permit", "permit", "token", "token"):
        tracker.acquire(kind, thing)
    tracker.release("permit", thing)
    assert len(tracker.check_leaks()) == 3
    tracker.release("permit", thing)
    assert [leak.kind for leak in tracker.check_leaks()] == ["token", "token"]
    for kind in ("permit", "other"):
        try:
            tracker.release(kind, thing)
        except RuntimeError:
            continue
        raise AssertionError(f"a {kind} was released that was not acquired")
    tracker.release("token", thing)
    tracker.release("token", thing)
    assert tracker.check_leaks() == []


async def leaving_with_something_open_is_an_error_that_hides_none() -> None:
    thing = Thing()
    try:
        with LeakTracker():
            track_resource(thing, name="thing")
    except ResourceLeakError as error:
        assert names(error.leaks) == ["thing"]
    else:
        raise AssertionError("a leak was not told")
    with pytest.raises(OSError, match="the block's own") as caught, LeakTracker():
        track_resource(thing, name="thing")
        raise OSError("the block's own")
    assert any("thing" in note for note in caught.value.__notes__)


async def an_object_without_weak_references_is_kept_until_it_is_closed() -> None:
    tracker = LeakTracker()
    tracker.acquire("permit", Bare())
    others = [Bare() for _ in range(50)]
    for other in others:
        try:
            tracker.release("permit", other)
        except RuntimeError:
            continue
        raise AssertionError("another object was taken for it")
    bare = others[0]
    tracker.acquire("permit", bare)
    tracker.release("permit", bare)
    assert len(tracker.check_leaks()) == 1


CHECKS = (
    explored(the_innermost_records_and_every_one_forgets),
    explored(what_is_open_is_listed_oldest_first_with_its_age, stalls=0),
    explored(a_dropped_object_is_no_leak_and_a_dropped_obligation_is),
    explored(each_acquire_needs_a_release_of_its_kind),
    explored(leaving_with_something_open_is_an_error_that_hides_none),
    explored(an_object_without_weak_references_is_kept_until_it_is_closed),
    *scenarios("resilience"),
)
