"""Every bug known of the real systems is covered by a test that exists.

Those of order, time or cancellation are planted for the harness to find, and named as there; the
others have a test of their own, as file::function.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent

BUGS: dict[str, tuple[str, ...]] = {
    "gather(return_exceptions=True) swallows cancellation": ("gather swallows cancellation",),
    "gather(return_exceptions=True) swallows SystemExit": ("test_gather.py::test_a_naive_version_is_found",),
    "alcall(return_exceptions=True) swallows cancellation": ("alcall swallows cancellation",),
    "alcall(return_exceptions=True) swallows SystemExit": ("test_ln_failure.py::test_a_call_that_keeps_exits_as_results_is_caught",),
    "CompletionStream: an early break waits for everything": ("CompletionStream left early waits for everything",),
    "CompletionStream: limit=-1 corrupts the scope stack": ("test_mapping.py::test_a_wrong_limit_is_refused_and_work_is_closed",),
    "PriorityQueue: a wake-up is lost": ("PriorityQueue loses a wake-up",),
    "PriorityQueue: a failed comparison leaves the item": ("test_priority_queue.py::test_a_naive_queue_is_found",),
    "Queue: a native cancellation loses the item": ("Queue loses the item of a natively cancelled getter", "test_native_cancellation.py::test_a_put_cancelled_as_it_is_accepted_is_undone"),
    "Queue: close drops buffered items": ("closing drops buffered items",),
    "LeakTracker: deadlock when the collector runs inside": ("test_leak_tracker.py::test_a_tracker_that_deadlocks_with_the_collector_is_caught",),
    "LeakTracker: track(object()) raises and leaves a ghost": ("test_leak_tracker.py::test_a_tracker_that_needs_weak_references_is_caught",),
    "retry: overflow at call 1025": ("test_retry.py::test_a_naive_retry_is_found",),
    "retry: sleeps towards a deadline it cannot meet": ("retry sleeps towards a deadline it cannot meet",),
    "retry: a stale deadline": ("retry sleeps towards a deadline it cannot meet",),
    "bounded_map: 5,000 tasks for limit=5": ("test_mapping.py::test_a_map_that_starts_everything_is_found",),
    "alcall: timeout= for the function collides": ("test_ln.py::test_keywords_go_to_the_function_also_timeout",),
    "alcall: no timeout on sync functions": ("test_ln_failure.py::test_a_timeout_that_cannot_reach_the_function_is_caught",),
    "alcall: max_concurrent=0 means unlimited": ("test_ln.py::test_wrong_options_are_refused_before_anything_starts",),
    "alcall: an async callable object is not awaited": ("test_ln.py::test_anything_that_is_called_and_awaited_will_do",),
    "run_async loses context variables": ("test_interop.py::test_a_bridge_that_loses_context_variables_is_caught",),
    "is_coro_func keeps closures alive": ("test_cancel.py::test_a_coroutine_function_is_known_without_being_kept_alive",),
    "CancelScope(timeout) never cancels": ("CancelScope(timeout) never cancels",),
    "CancelScope(shield) does nothing": ("CancelScope(shield) does not shield",),
    "first_success fails on the first failure": ("first_success fails on the first failure",),
    "race and first_success leak tasks on timeout": ("race leaks tasks on timeout",),
    "gather keeps siblings running": ("gather keeps siblings running after a failure",),
    "map keeps siblings running": ("map keeps siblings running after a failure",),
    "Barrier passes one short after a timeout": ("Barrier opens one short after a timeout",),
    "Condition on a Lock leaves the lock stuck": ("Condition loses its lock when cancelled",),
    "set_total downwards has no effect": ("set_total downwards has no effect",),
    "borrowed reaches -1": ("borrowed reaches -1",),
    "throttle runs at twice its rate": ("throttle runs at twice its rate",),
    "batch: the source dies at the first timeout": ("batch kills the source at the first timeout",),
    "buffer stops at None": ("buffer stops at None",),
    "buffer hangs on an early break": ("test_stream_cleanup.py::test_break_closes_a_bare_loop_without_the_collector",),
    "merge leaks tasks on break": ("merge leaks tasks when left early", "test_stream_cleanup.py::test_a_merge_that_leaks_its_tasks_is_caught"),
    "take pulls one too many": ("take pulls one too many",),
    "shield orphans its work": ("shield orphans its work", "shield orphans its work natively"),
    "handle.wait() timing out cancels the task": ("handle.wait() timing out cancels the task",),
    "leaving a ThreadPool blocks the loop": ("test_pool_threads.py::test_a_pool_that_blocks_the_loop_is_caught",),
    "@processpool cannot be pickled": ("test_pool_processes.py::test_a_decorated_function_finds_itself_in_the_worker",),
    "a breaker opened at instant 0 counts as closed": ("test_resilience_breaker.py::test_a_breaker_that_asks_for_the_truth_of_an_instant_is_caught",),
}  # fmt: skip


def planted() -> set[str]:
    tree = ast.parse((HERE / "explored" / "test_planted.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PLANTED":
            assert isinstance(node.value, ast.Dict)
            return {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
    raise AssertionError("no table of planted bugs")


def functions_in(file: str) -> set[str]:
    tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("bug", BUGS)
def test_a_known_bug_has_its_test(bug: str) -> None:
    names = planted()

    for reference in BUGS[bug]:
        file, _, test = reference.partition("::")
        assert test in functions_in(file) if test else reference in names


def test_every_planted_bug_is_known() -> None:
    named = {reference for references in BUGS.values() for reference in references}

    assert planted() - named == {"Lock lets others barge in"}
