"""What happens outside the simulation: messages of real threads, and whether any is still due.

Worker threads work in real time while virtual time stands still. The world therefore has to
know, whenever nothing can run, whether some thread may still bring news.
"""

from __future__ import annotations

import queue
import threading
from time import perf_counter
from typing import TYPE_CHECKING, Any, final

from simclock.errors import WallTimeError
from simclock.simulation.threads import Standing, frames, place_of_thread, standing_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType

__all__ = ["Outside"]

# How often to look whether those who were at work still are.
_POLL_SECONDS = 0.02
# A thread that was just woken still looks parked until it runs: it gets this long, and several
# times as long before it is said that nobody will ever answer.
_GRACE_SECONDS = 0.003
_LOOKS_BEFORE_DEADLOCK = 5
# How long virtual time waits for a job that rests: perhaps it only pauses, perhaps it is one
# that never ends and looks for work now and then.
_REST_SECONDS = 0.2
# Who sends so much at one instant does so for as long as time stands still.
_FLOOD = 1_000


def _knows_no_pool(_thread: threading.Thread, _frame: FrameType) -> bool | None:
    return None


@final
class Outside:
    """The messages that threads send into one run, and the threads that may send more.

    The run's own threads are those that were started after it or have sent it something. Where
    others may send as well, because the run is not all that its process does
    (``newcomers_only=False``), the thread that made it and the main thread count too, and no
    other thread is overlooked before a deadlock is called.

    ``busy`` counts the jobs known to be under way that no thread shows. ``has_work`` knows pools
    of threads: see :func:`~simclock.simulation.threads.standing_of`.
    """

    __slots__ = (
        "_before",
        "_busy",
        "_has_work",
        "_heard",
        "_hosts",
        "_inbox",
        "_instant",
        "_is_waiting",
        "_newcomers_only",
        "_taken",
        "_taken_before",
        "_wall_time",
        "jobs",
    )

    def __init__(
        self,
        wall_time: float,
        busy: Callable[[], int] | None = None,
        *,
        has_work: Callable[[threading.Thread, FrameType], bool | None] = _knows_no_pool,
        newcomers_only: bool = True,
    ) -> None:
        """Watch the threads started from now on; wait for them ``wall_time`` seconds at most."""
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._before = frozenset(threading.enumerate())
        self._hosts = {threading.current_thread(), threading.main_thread()}
        self._heard: set[int] = set()
        self._busy = busy
        self._has_work = has_work
        self._newcomers_only = newcomers_only
        self._wall_time = wall_time
        self._is_waiting = False
        self._taken = self._taken_before = self._instant = 0
        self.jobs = 0

    def post(self, message: Any) -> None:
        """Hand ``message`` to the run; callable from every thread."""
        self._heard.add(threading.get_ident())
        self._inbox.put(message)

    def adopt(self, threads: Iterable[threading.Thread]) -> None:
        """Count ``threads`` among the run's own, however old they are."""
        self._heard.update(thread.ident for thread in threads if thread.ident is not None)

    def wake(self) -> None:
        """End a :meth:`wait` that goes on in this very thread; for signal handlers."""
        if self._is_waiting:
            self._inbox.put(None)

    def take(self) -> list[Any]:
        """Return the messages that have arrived, in order of arrival."""
        taken: list[Any] = []
        while not self._inbox.empty():
            taken.append(self._inbox.get_nowait())
        self._taken += len(taken)
        return [message for message in taken if message is not None]

    def is_flood(self, instant: int) -> bool:
        """Tell whether threads have sent so much at ``instant`` that time had better pass.

        Under a timeout a program may call threads until the time is over, which it never is while
        time waits for threads.
        """
        if instant != self._instant:
            self._instant, self._taken_before = instant, self._taken
        return self._taken - self._taken_before >= _FLOOD

    def is_pending(self) -> bool:
        """Tell whether something outside may still bring news; never waits for it."""
        if self.jobs or not self._inbox.empty():
            return True
        if threading.active_count() == 1:
            return False
        threads = self._own_threads() if self._newcomers_only else self._other_threads()
        where = frames()
        if any(standing_of(t, where, self._has_work) is not Standing.IDLE for t in threads):
            return True
        # Last of all: a thread that has just become idle sent its news before that.
        return not self._inbox.empty()

    def wait(self, *, gap: float | None = 0.0) -> list[Any]:
        """Wait in real time for the next messages; an empty list if none can come any more.

        ``gap`` is how many virtual seconds will pass if none comes; ``None`` says that the run
        has nothing else to wait for: then every thread is waited for that sleeps in real time.
        Raises :class:`WallTimeError`, naming the threads, past the limit.
        """
        began = perf_counter()
        rest = min(gap or 0.0, _REST_SECONDS)
        looks = _LOOKS_BEFORE_DEADLOCK if gap is None else 1
        self._is_waiting = True
        try:
            while True:
                standing, waited = self._look(hopeless=gap is None), perf_counter() - began
                if standing is Standing.ACTIVE:
                    if waited > self._wall_time:
                        raise WallTimeError(
                            f"waited {self._wall_time:g}s of real time for {self._describe()}; "
                            "raise Limits(wall_time=…), or find out why it does not answer"
                        )
                    patience = _POLL_SECONDS
                elif standing is Standing.RESTING and waited < rest:
                    patience = min(_POLL_SECONDS, rest - waited)
                elif standing is Standing.IDLE or not looks:
                    return self.take()
                else:
                    looks -= 1
                    patience = _GRACE_SECONDS
                if messages := self._receive(patience):
                    return [message for message in messages if message is not None]
        finally:
            self._is_waiting = False

    def _receive(self, seconds: float) -> list[Any]:
        """Return what arrives within ``seconds``, wake-ups included."""
        try:
            first = self._inbox.get(timeout=seconds)
        except queue.Empty:
            return []
        self._taken += 1
        return [first, *self.take()]

    def _look(self, *, hopeless: bool) -> Standing:
        """Tell what is to be expected of those who may send something."""
        if not self._inbox.empty() or (self._busy is not None and self._busy() > 0):
            return Standing.ACTIVE
        where, most = frames(), Standing.IDLE
        for thread in self._own_threads():
            standing = standing_of(thread, where, self._has_work)
            if hopeless and standing >= Standing.TIMED:
                # Real time and virtual time have nothing to do with each other: what sleeps
                # keeps no timer from firing, but it may still rescue who would wait for ever.
                return Standing.ACTIVE
            most = max(most, standing)
        if hopeless and not self._newcomers_only:
            for thread in self._other_threads():
                standing = standing_of(thread, where, self._has_work)
                if standing not in {Standing.TIMED, Standing.RESTING}:
                    most = max(most, standing)
        return most

    def _other_threads(self) -> Iterator[threading.Thread]:
        """Yield the live threads but this one and those that Python knows by hearsay."""
        here = threading.current_thread()
        for thread in threading.enumerate():
            if thread is not here and not (
                isinstance(thread, threading._DummyThread)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the only way to tell
                and thread.ident not in self._heard
            ):
                yield thread

    def _own_threads(self) -> Iterator[threading.Thread]:
        for thread in self._other_threads():
            if (
                thread not in self._before
                or thread.ident in self._heard
                or (thread in self._hosts and not self._newcomers_only)
            ):
                yield thread

    def _describe(self) -> str:
        where = frames()
        lines = [
            f"thread {thread.name!r} at {place_of_thread(thread)}"
            for thread in self._other_threads()
            if standing_of(thread, where, self._has_work) is not Standing.PARKED
        ]
        return "; ".join(lines) or f"{self.jobs} executor job(s)"
