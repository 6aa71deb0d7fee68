"""What the replacements of trio's privates rely upon, and whether the installed trio is so."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["moved"]

# Each fact by which a replacement stands or falls: what the code of a function mentions, what an
# object has, which parameters a function takes. Modules go by the names they have in seams.py.
_FACTS: Final[str] = """
_run.unrolled_run mentions list runq clear pop deadlines expire start_clock process_events
_run.unrolled_run mentions deadline_to_sleep_time waiting_for_idle task_exited current_time
_run.unrolled_run mentions _next_send_fn _next_send runner
_run.Runner.spawn_impl mentions Task _create reschedule
_run.Runner.reschedule takes self task next_send
_run.Runner has runq tasks deadlines io_manager entry_queue main_task init_task asyncgens is_guest
_run.Runner has main_task_outcome waiting_for_idle instruments clock task_exited close
_run.Task has coro name _abort_func _next_send _next_send_fn _runner _child_nurseries
_run.Task has custom_sleep_data __weakref__ _create
_run.Task._attempt_abort mentions _abort_func reschedule
_run.CancelScope.__enter__ mentions CancelStatus _might_change_registered_deadline
_run.CancelScope._might_change_registered_deadline mentions deadlines add remove
_run.CancelScope has _registered_deadline _cancel
_run.Deadlines has add remove next_deadline expire
_run has CancelReason _NO_SEND GLOBAL_RUN_CONTEXT
_run.Instruments has call __contains__ update
_entry_queue.EntryQueue has wakeup done lock task size
_entry_queue.EntryQueue.run_sync_soon mentions wakeup wakeup_thread_and_signal_safe
_entry_queue.EntryQueue.task mentions wakeup wait_woken
_entry_queue.TrioToken has _reentry_queue
_thread_cache.start_thread_soon mentions THREAD_CACHE start_thread_soon
_thread_cache.ThreadCache has _idle_workers
_threads.from_thread_run mentions _send_message_to_trio
_threads.PARENT_TASK_DATA has __dict__
_subprocess has subprocess
_signals._signal_handler mentions signal
_asyncgens.AsyncGenerators has alive trailing_needs_finalize
_asyncgens.AsyncGenerators.install_hooks mentions alive add
_asyncgens.AsyncGenerators.finalize_remaining mentions alive update trailing_needs_finalize clear
"""


def moved(modules: Mapping[str, Any]) -> list[str]:
    """Return the facts that do not hold in ``modules``."""
    found: list[str] = []
    for line in _FACTS.split("\n")[1:-1]:
        path, verb, *names = line.split()
        module, *attributes = path.split(".")
        owner: Any = modules[module]
        try:
            for attribute in attributes:
                owner = getattr(owner, attribute)
            missing = _missing(owner, verb, names)
        except AttributeError:
            missing = names
        found += [f"{path} {verb} {name}" for name in missing]
    return found


def _missing(owner: Any, verb: str, names: Sequence[str]) -> Sequence[str]:
    if verb == "has":
        return [name for name in names if not hasattr(owner, name)]
    code = inspect.unwrap(owner).__code__
    if verb == "takes":
        taken = code.co_varnames[: code.co_argcount]
        return [] if [*taken] == [*names] else names
    return [name for name in names if name not in _mentioned(code)]


def _mentioned(code: Any) -> set[str]:
    """Return the names in a function's code and in that of the functions inside it."""
    inner = [constant for constant in code.co_consts if inspect.iscode(constant)]
    return {*code.co_names, *code.co_varnames}.union(*map(_mentioned, inner))
