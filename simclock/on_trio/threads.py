"""Jobs that worker threads do for a simulated trio run, and what they may still bring."""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Jobs", "Question"]

_PARKED_IN = {
    ("threading.py", "wait"),
    ("threading.py", "_wait_for_tstate_lock"),
    ("threading.py", "join"),
    ("queue.py", "get"),
    ("queue.py", "put"),
}


@final
class _Job:
    __slots__ = ("resuming", "thread")

    def __init__(self) -> None:
        self.thread: int | None = None
        self.resuming = False


@final
class Jobs:
    """The jobs of worker threads that are under way."""

    __slots__ = ("_by_thread", "_jobs")

    def __init__(self) -> None:
        """Begin with none."""
        self._jobs: dict[_Job, None] = {}
        self._by_thread: dict[int, _Job] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def watch(
        self, work: Callable[[], Any], deliver: Callable[[Any], object]
    ) -> tuple[Callable[[], Any], Callable[[Any], object]]:
        """Return ``work`` and ``deliver`` such that the job counts until it is delivered."""
        job = _Job()
        self._jobs[job] = None

        def watched_work() -> Any:
            job.thread = threading.get_ident()
            self._by_thread[job.thread] = job
            return work()

        def watched_deliver(result: Any) -> None:
            try:
                deliver(result)
            finally:
                self._by_thread.pop(job.thread or 0, None)
                self._jobs.pop(job, None)

        return watched_work, watched_deliver

    def question(self) -> Question:
        """Return the box in which the calling thread finds the answer to what it asks."""
        return Question(self._by_thread.get(threading.get_ident()))

    def busy(self) -> int:
        """Count the jobs that may bring news: all but those parked until somebody else acts."""
        return sum(map(_is_busy, list(self._jobs)))


def _is_busy(job: _Job) -> bool:
    if job.thread is None or job.resuming:
        # Handed over, or answered, and not yet awake: it looks parked and is not.
        return True
    frame = sys._current_frames().get(job.thread)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the documented way to see another thread's stack
    if frame is None:
        return False
    code = frame.f_code
    parked = (os.path.basename(code.co_filename), code.co_name) in _PARKED_IN  # noqa: PTH119 - asked often, and a Path costs more
    if not parked:
        return True
    # Told to go on, and not yet awake: the lock in which a condition waits is open by then.
    waiter = frame.f_locals.get("waiter")
    return waiter is not None and not waiter.locked()


@final
class Question:
    """Where a thread waits for trio's answer."""

    __slots__ = ("_answer", "_job")

    def __init__(self, job: _Job | None) -> None:
        """Belong to ``job``, or to a thread that does none of this run's jobs."""
        # Unlike SimpleQueue, a Queue waits in Python code, so that the thread is seen to wait.
        self._answer: queue.Queue[Any] = queue.Queue()
        self._job = job

    def put_nowait(self, answer: Any) -> None:
        """Give the answer; callable from every thread."""
        if self._job is not None:
            self._job.resuming = True
        self._answer.put_nowait(answer)

    def get(self) -> Any:
        """Wait for the answer."""
        answer = self._answer.get()
        if self._job is not None:
            self._job.resuming = False
        return answer
