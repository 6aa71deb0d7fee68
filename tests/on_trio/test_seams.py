"""The seams in trio that simclock relies on: a trio in which one has moved is refused loudly."""

from __future__ import annotations

import builtins

import outcome
import pytest
import trio
import trio.testing
from trio._core import _entry_queue, _run, _thread_cache

from simclock.errors import SimulationError
from simclock.on_trio import seams
from simclock.on_trio.stand_ins import NOTHING


def test_this_trio_has_every_seam_where_simclock_looks_for_it():
    assert seams.moved_seams() == []


@pytest.mark.parametrize(
    ("owner", "name", "fact"),
    [
        (_run, "CancelReason", "_run has CancelReason"),
        (_run.Deadlines, "expire", "_run.Deadlines has expire"),
        (_run.Runner, "task_exited", "_run.Runner has task_exited"),
        (_entry_queue.TrioToken, "_reentry_queue", "_entry_queue.TrioToken has _reentry_queue"),
        (_thread_cache.ThreadCache, "_idle_workers", "_thread_cache.ThreadCache has _idle_workers"),
    ],
)
def test_a_seam_that_is_gone_is_named(monkeypatch, owner, name, fact):
    monkeypatch.delattr(owner, name)

    assert fact in seams.moved_seams()


def moved_loop(runner, async_fn, args):
    """A loop that takes its batch in another way."""
    return [*runner.runq]


def moved_reschedule(self, task, value, why):
    """Takes something else than trio's does today."""


@pytest.mark.parametrize(
    ("owner", "name", "moved", "fact"),
    [
        (_run, "unrolled_run", moved_loop, "_run.unrolled_run mentions list"),
        (_run.Runner, "reschedule", moved_reschedule, "_run.Runner.reschedule takes next_send"),
    ],
)
def test_a_seam_that_moved_is_refused_with_the_version_and_the_remedy(
    monkeypatch, owner, name, moved, fact
):
    monkeypatch.setattr(owner, name, moved)

    with pytest.raises(SimulationError) as caught:
        seams.verify()

    text = str(caught.value)
    assert text.startswith(f"trio {trio.__version__} is built in a way that simclock does not know")
    assert fact in text
    assert "use a simclock that names this trio version as supported" in text


def test_list_in_the_namespace_of_the_loop_is_list_but_for_run_queues():
    seams.install()
    stand_in = _run.list

    assert stand_in() == []
    assert stand_in("ab") == ["a", "b"]
    assert type(stand_in((1,))) is builtins.list
    assert stand_in[int] == builtins.list[int]
    assert isinstance([], stand_in)
    assert not isinstance((), stand_in)
    assert issubclass(builtins.list, stand_in)


def test_installing_twice_changes_nothing_more():
    seams.install()
    before = _run.Task, _run.CancelStatus, _thread_cache.THREAD_CACHE

    seams.install()

    assert before == (_run.Task, _run.CancelStatus, _thread_cache.THREAD_CACHE)


def test_tasks_still_are_what_they_are_called():
    async def main():
        return trio.lowlevel.current_task()

    task = trio.run(main)

    assert isinstance(task, trio.lowlevel.Task)
    assert type(task).__name__ == "Task"
    assert repr(task).startswith("<Task ")
    with pytest.raises(TypeError, match="no public constructor"):
        type(task)()


def test_the_result_of_nothing_equals_any_other_and_unwraps_again_and_again():
    assert NOTHING.unwrap() is None
    assert NOTHING.unwrap() is None
    assert outcome.Value(None) == NOTHING
    assert outcome.Value(0) != NOTHING
    assert hash(outcome.Value(None)) == hash(NOTHING)
    assert isinstance(NOTHING, outcome.Value)


@pytest.mark.parametrize("clock", [None, trio.testing.MockClock(autojump_threshold=0)])
def test_runs_that_are_not_simulated_are_what_they_were(run, clock):
    async def main():
        with trio.move_on_after(0.01):
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(trio.sleep_forever)
        await trio.testing.wait_all_tasks_blocked()
        return await trio.to_thread.run_sync(lambda: type(_run.GLOBAL_RUN_CONTEXT).__name__)

    run(trio.sleep, 1)

    assert trio.run(main, clock=clock) == "RunContext"
