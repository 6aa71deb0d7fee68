"""What happens outside the simulation: messages of real threads, and whether any is still due.

Worker threads work in real time while virtual time stands still. The world therefore has to
know, whenever nothing can run, whether some thread may still bring news: a thread that computes
may; one that is parked on a lock, an empty queue or an unanswered request to the loop may not.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any, final

from simclock.errors import WallTimeError

__all__ = ["Outside"]

_POLL_SECONDS = 0.02
# A thread that was just handed something still looks parked until it wakes up.
_GRACE_SECONDS = 0.005
_PARKED_IN = {
    ("threading.py", "wait"),
    ("threading.py", "_wait_for_tstate_lock"),
    ("threading.py", "join"),
    ("queue.py", "get"),
    ("queue.py", "put"),
    ("thread.py", "_worker"),
    ("_thread_cache.py", "_work"),
    ("selectors.py", "select"),
    ("socket.py", "accept"),
}


@final
class Outside:
    """The messages that threads send into one run, and the threads that may send more.

    ``busy_workers`` counts the jobs known to be under way, for pools that can be asked exactly.
    """

    __slots__ = ("_before", "_busy_workers", "_inbox", "_wall_time", "jobs")

    def __init__(self, wall_time: float, busy_workers: Callable[[], int] | None = None) -> None:
        """Watch the threads started from now on; wait for them ``wall_time`` seconds at most."""
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._before = frozenset(threading.enumerate()) if threading.active_count() > 1 else None
        self._busy_workers = busy_workers
        self._wall_time = wall_time
        self.jobs = 0

    def post(self, message: Any) -> None:
        """Hand ``message`` to the run; callable from every thread."""
        self._inbox.put(message)

    def take(self) -> list[Any]:
        """Return the messages that have arrived, in order of arrival."""
        taken: list[Any] = []
        while not self._inbox.empty():
            taken.append(self._inbox.get_nowait())
        return [message for message in taken if message is not None]

    def is_pending(self) -> bool:
        """Tell whether something outside may still bring news; never waits for it."""
        if self.jobs or not self._inbox.empty():
            return True
        known = 1 if self._before is None else len(self._before)
        if threading.active_count() <= known and self._before is None:
            return False
        return bool(self._running_threads())

    def wait(self) -> list[Any]:
        """Wait in real time for the next messages; an empty list if none can come any more.

        Raises :class:`WallTimeError`, naming the threads, past the limit.
        """
        give_up = perf_counter() + self._wall_time
        while True:
            if self._has_message(_POLL_SECONDS if self._expects() else _GRACE_SECONDS):
                return self.take()
            if not self._expects():
                return []
            if perf_counter() > give_up:
                raise WallTimeError(
                    f"waited {self._wall_time:g}s of real time for {self._describe()}; "
                    "raise Limits(wall_time=…), or find out why it does not answer"
                )

    def _has_message(self, seconds: float) -> bool:
        try:
            message = self._inbox.get(timeout=seconds)
        except queue.Empty:
            return False
        # Put it behind those that came meanwhile? No: take() keeps the order of arrival, so
        # the first has to stay first.
        rest = [message, *self.take()]
        for each in rest:
            self._inbox.put(each)
        return True

    def _expects(self) -> bool:
        return not self._inbox.empty() or bool(
            [thread for thread in self._running_threads() if not _is_parked(thread)]
        ) or (self._busy_workers is not None and self._busy_workers() > 0)

    def _running_threads(self) -> list[threading.Thread]:
        here, before = threading.current_thread(), self._before or frozenset()
        return [
            thread
            for thread in threading.enumerate()
            if thread is not here and thread not in before and thread is not threading.main_thread()
        ]

    def _describe(self) -> str:
        lines = [
            f"thread {thread.name!r} at {_place(thread)}"
            for thread in self._running_threads()
            if not _is_parked(thread)
        ]
        return "; ".join(lines) or f"{self.jobs} executor job(s)"


def _place(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - the documented way to see another thread's stack
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "an unknown place"


def _is_parked(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - as above
    if frame is None:
        return False
    code = frame.f_code
    return (os.path.basename(code.co_filename), code.co_name) in _PARKED_IN
