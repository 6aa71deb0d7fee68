"""Whoever opens and does not close is named, with kind, age and place."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref

import anyio
import pytest
from anyio.lowlevel import checkpoint

from concurrency import resource_tracker
from concurrency.pool import ThreadPool
from concurrency.resource_tracker import (
    LeakInfo,
    LeakTracker,
    ResourceLeakError,
    leak_tracker_fixture,
    track_resource,
    untrack_resource,
)
from concurrency.stream import merge_streams


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


async def everything_settled():
    """Let all others run until they have nothing left to do."""
    for _ in range(30):
        await checkpoint()
    # Where time is simulated it passes only once nobody can run.
    await anyio.sleep(0.0001)


class Connection:
    """Something that is opened."""


def open_a_connection(tracker):
    connection = Connection()
    tracker.track(connection, name="primary", kind="connection")
    return connection


def test_a_leak_is_named_with_kind_and_place():
    tracker = LeakTracker()
    connection = open_a_connection(tracker)

    (leak,) = tracker.live()
    assert (leak.name, leak.kind) == ("primary", "connection")
    assert "test_leak_tracker.py:" in leak.place
    assert leak.place.endswith("in open_a_connection")
    assert "primary" in str(leak)
    tracker.untrack(connection)
    assert tracker.live() == tracker.check_leaks() == []


def test_the_place_of_allocation_is_told_where_python_knows_it():
    tracemalloc.start()
    try:
        # Not every interpreter can tell it for instances of classes written in Python.
        opened = bytearray(1000)
        line = tracemalloc.get_object_traceback(opened)[-1].lineno
        tracker = LeakTracker()
        tracker.track(opened)
    finally:
        tracemalloc.stop()
    assert tracker.live()[0].place.endswith(f"test_leak_tracker.py:{line}")


async def age_is_counted_on_the_loops_clock():
    tracker = LeakTracker()
    connection = open_a_connection(tracker)
    begun = anyio.current_time()
    await anyio.sleep(0.002)
    (leak,) = tracker.live()
    assert leak.created_at <= begun
    assert leak.age >= 0.0015
    assert "open for" in str(leak)
    del connection


def test_age_is_counted_on_the_loops_clock(backend):
    anyio.run(age_is_counted_on_the_loops_clock, backend=backend)


def test_outside_a_loop_there_is_no_age():
    tracker = LeakTracker()
    connection = open_a_connection(tracker)
    assert tracker.live()[0].created_at is None
    assert tracker.live()[0].age is None
    del connection
    assert LeakInfo("name", "kind", None).place == ""


# --- the two ways to record


def test_a_tracked_object_that_is_collected_is_no_leak():
    tracker = LeakTracker()
    connection = open_a_connection(tracker)
    del connection
    assert tracker.check_leaks() == []


def test_an_acquired_object_that_is_collected_is_a_leak():
    tracker = LeakTracker()
    connection = Connection()
    tracker.acquire("connection", connection)
    assert len(tracker.live()) == 1
    del connection
    assert tracker.live() == []
    assert [leak.kind for leak in tracker.check_leaks()] == ["connection"]
    tracker.clear()
    assert tracker.check_leaks() == []


def test_acquiring_twice_needs_releasing_twice():
    tracker = LeakTracker()
    connection = Connection()
    tracker.acquire("connection", connection)
    tracker.acquire("connection", connection)
    tracker.acquire("lock", connection)
    tracker.release("connection", connection)
    assert [leak.kind for leak in tracker.check_leaks()] == ["connection", "lock"]
    tracker.release("connection", connection)
    tracker.release("lock", connection)
    assert tracker.check_leaks() == []
    with pytest.raises(RuntimeError, match="is not acquired as 'lock'"):
        tracker.release("lock", connection)


def test_the_kind_comes_first():
    tracker = LeakTracker()
    with pytest.raises(TypeError, match="takes the kind first"):
        tracker.acquire(Connection(), "connection")
    with pytest.raises(TypeError, match="takes the kind first"):
        tracker.release(Connection(), "connection")


def test_a_new_object_is_not_taken_for_an_old_one_with_its_number():
    tracker = LeakTracker()
    for _ in range(50):
        # Most of these get the number of the one before.
        tracker.acquire("connection", Connection())
    connection = Connection()
    tracker.acquire("connection", connection)
    tracker.release("connection", connection)
    assert len(tracker.check_leaks()) == 50
    with pytest.raises(RuntimeError):
        tracker.release("connection", connection)


# --- objects without weak references


class NaiveTracker:
    """Note the object first, then find that it has no weak references."""

    def __init__(self):
        self.records = {}

    def track(self, obj):
        self.records[id(obj)] = "ghost"
        weakref.finalize(obj, self.records.pop, id(obj), None)

    def live(self):
        return list(self.records.values())


def objects_without_weak_references_are_tracked(make):
    tracker = make()
    obj = object()
    tracker.track(obj)
    assert len(tracker.live()) == 1
    tracker.untrack(obj)
    assert tracker.live() == []


def test_objects_without_weak_references_are_tracked():
    objects_without_weak_references_are_tracked(LeakTracker)


def test_a_tracker_that_needs_weak_references_is_caught():
    with pytest.raises(TypeError, match="weak reference"):
        objects_without_weak_references_are_tracked(NaiveTracker)


# --- the collector in the middle


class NaiveLockedTracker:
    """Guard the records with a lock, which the collector's callbacks take as well."""

    def __init__(self):
        self.lock = threading.Lock()
        self.records = {}

    def track(self, obj, collect=gc.collect):
        with self.lock:
            collect()
            self.records[id(obj)] = obj

    def untrack(self, obj):
        if not self.lock.acquire(timeout=0.01):
            raise AssertionError("deadlock")
        self.records.pop(id(obj), None)
        self.lock.release()


class Closing:
    """Part of a cycle, so that only the collector ends it; it then untracks itself."""

    def __init__(self, tracker, outcome):
        self.itself = self
        self.tracker = tracker
        self.outcome = outcome

    def __del__(self):
        try:
            self.tracker.untrack(self)
            self.tracker.track(Connection())
            self.outcome.append("closed")
        except AssertionError as exc:
            self.outcome.append(str(exc))


def the_collector_may_run_in_the_middle(tracker):
    outcome = []
    tracker.track(Closing(tracker, outcome))
    tracker.track(Connection())
    assert outcome == ["closed"]


@pytest.fixture
def without_automatic_collection():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_automatic_collection")
def test_the_collector_may_run_in_the_middle(monkeypatch):
    # Between any two steps of recording lies the question for the time.
    monkeypatch.setattr(resource_tracker, "_now", lambda: gc.collect() and None)
    the_collector_may_run_in_the_middle(LeakTracker())


@pytest.mark.usefixtures("without_automatic_collection")
def test_a_tracker_that_deadlocks_with_the_collector_is_caught():
    tracker = NaiveLockedTracker()
    outcome = []
    closing = Closing(tracker, outcome)
    del closing
    tracker.track(Connection())
    assert outcome == ["deadlock"]


def test_threads_may_track_at_the_same_time():
    tracker = LeakTracker()
    kept = []
    start = threading.Barrier(4)

    def work():
        start.wait()
        for _ in range(200):
            connection = Connection()
            tracker.track(connection)
            tracker.acquire("connection", connection)
            tracker.check_leaks()
            tracker.release("connection", connection)
        kept.append(connection)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tracker.check_leaks()) == 4


# --- as a context manager and a fixture


def test_leaving_with_something_open_fails_and_names_it():
    connection = Connection()
    with pytest.raises(ResourceLeakError, match="connection 'primary'") as caught, LeakTracker():
        track_resource(connection, name="primary", kind="connection")
    assert [leak.name for leak in caught.value.leaks] == ["primary"]
    assert "1 resource is still open" in str(caught.value)


def test_the_error_of_the_block_comes_first_and_carries_the_list():
    connection = Connection()
    with pytest.raises(ZeroDivisionError) as caught, LeakTracker():
        track_resource(connection)
        raise ZeroDivisionError
    assert "Connection" in caught.value.__notes__[0]


def test_the_innermost_tracker_records_and_all_of_them_forget():
    connection = Connection()
    with LeakTracker() as outer:
        track_resource(connection)
        with LeakTracker() as inner:
            track_resource(connection)
            assert len(outer.live()) == len(inner.live()) == 1
            untrack_resource(connection)
        untrack_resource(connection)


def test_without_a_tracker_nothing_is_recorded():
    connection = Connection()
    track_resource(connection)
    untrack_resource(connection)
    assert weakref.getweakrefcount(connection) == 0


def test_the_fixture_fails_naming_what_leaked():
    fixture = leak_tracker_fixture()
    tracker = next(fixture)
    connection = open_a_connection(tracker)
    with pytest.raises(ResourceLeakError, match="primary"):
        next(fixture)
    tracker.untrack(connection)


async def open_streams_and_pools_are_leaks():
    pool = ThreadPool(1)
    stream = merge_streams([1])
    with pytest.raises(ResourceLeakError) as caught, LeakTracker():
        await pool.__aenter__()
        await stream.__aenter__()
        await everything_settled()
        await anext(stream)
        blocked = merge_streams(silent())
        await blocked.__aenter__()
        await everything_settled()
    await blocked.__aexit__(None, None, None)
    await stream.__aexit__(None, None, None)
    await pool.__aexit__(None, None, None)
    assert [leak.kind for leak in caught.value.leaks] == ["pool", "stream"]


async def silent():
    await anyio.sleep_forever()
    yield


def test_open_streams_and_pools_are_leaks(backend):
    anyio.run(open_streams_and_pools_are_leaks, backend=backend)
