"""Every construct keeps its promises under every schedule tried, cancelled anywhere or not."""

from __future__ import annotations

import importlib

import pytest
from explored.table import TABLE, Scenario

import concurrency
import simclock

for _module in (
    "locks", "permits", "queues", "meetings", "groups", "scopes", "patterns", "streams", "lists",
    "threads", "resilience", "natively",
):  # fmt: skip
    importlib.import_module(f"explored.{_module}")

SCHEDULES = 150
SCHEDULES_DEEP = 3_000

#: What cannot be run inside a simulation, and why; tests/concurrency holds what checks it.
OUTSIDE = {
    "ProcessPool": "its workers are other processes, which know nothing of this clock",
    "processpool": "as ProcessPool",
    "run_in_process": "as ProcessPool",
    "WorkerError": "raised by ProcessPool",
    "RemoteTraceback": "raised by ProcessPool",
    "block_on": "runs an event loop of its own, outside the one that is simulated",
    "SyncAdapter": "as block_on",
    "async_to_sync": "as block_on",
    "concurrency": "the package under its own name",
    "ln": "a submodule",
    "sync": "a submodule",
    "wait": "a submodule",
}

CASES = [
    pytest.param(each, backend, cancel, id=f"{each.name}-{backend}-cancel={cancel}")
    for each in TABLE
    for backend in each.backends
    for cancel in each.cancel
]


def explore(each: Scenario, backend: str, cancel: bool | str, schedules: int) -> None:
    done = simclock.explore(
        each.main,
        backend=backend,
        cancel=cancel,
        schedules=each.schedules(schedules),
        stalls=each.stalls,
    )

    assert done.schedules_run == each.schedules(schedules) or done.exhausted
    # One and the same course a hundred times over would prove nothing.
    assert done.distinct > 1


@pytest.mark.parametrize(("each", "backend", "cancel"), CASES)
def test_it_keeps_its_promise(each: Scenario, backend: str, cancel: bool | str) -> None:
    explore(each, backend, cancel, SCHEDULES)


@pytest.mark.deep
@pytest.mark.parametrize(("each", "backend", "cancel"), CASES)
def test_it_keeps_its_promise_for_long(each: Scenario, backend: str, cancel: bool | str) -> None:
    explore(each, backend, cancel, SCHEDULES_DEEP)


def test_every_public_name_is_explored_or_outside_for_a_reason() -> None:
    explored = {name for each in TABLE for name in each.constructs}

    assert set(concurrency.__all__) - explored - set(OUTSIDE) == set()
    assert explored <= set(concurrency.__all__)
    assert explored & set(OUTSIDE) == set()
    assert all(OUTSIDE.values())
