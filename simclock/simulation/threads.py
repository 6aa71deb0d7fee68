"""How a real thread stands: whether, left alone, it may still do something.

Worker threads work in real time. A thread that computes may bring news; one that waits without
a limit for a lock, a queue or an answer does so only once somebody else has moved.
"""

from __future__ import annotations

import selectors
import socket
import sys
import threading
from concurrent.futures import thread as pools
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["Standing", "frames", "place_of_thread", "standing_of"]


@final
class Standing(IntEnum):
    """What is to be expected of a thread, least first."""

    IDLE = 0
    """Nothing until somebody wakes it or hands it work."""
    PARKED = 1
    """Nothing, unless somebody has just woken it and it has not run since."""
    TIMED = 2
    """Something, at the latest when a real timeout of its own is over."""
    RESTING = 3
    """As ``TIMED``, within a job whose end somebody waits for."""
    ACTIVE = 4
    """Something at any moment."""


_WAIT: Final = (threading.__file__, "wait")
_JOINS: Final = {(threading.__file__, "join"), (threading.__file__, "_wait_for_tstate_lock")}
# Another simulated loop that waits for its own outside; it will go on by itself.
_ANOTHER_WORLD: Final = (str(Path(__file__).with_name("outside.py")), "_receive")
_POOL: Final = (pools.__file__, "_worker")
_LISTENING: Final = {(selectors.__file__, "select"), (socket.__file__, "accept")}
_WAITING: Final = {_WAIT, *_JOINS, *_LISTENING}
_WRAPPERS_MAX: Final = 4
_FUTURES: Final = str(Path(pools.__file__).with_name("_base.py"))
# The functions in which the threads of other people's pools spend their lives.
_TRIO_POOL: Final = (("trio", "_core", "_thread_cache.py"), "_work")
_OTHER_POOLS: Final = {_TRIO_POOL, (("anyio", "_backends", "_asyncio.py"), "run")}
# How long a chain of threads that join one another is followed.
_JOINED_MAX: Final = 20


def frames() -> dict[int, FrameType]:
    """Return where each thread of the process is, by its ident."""
    return sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the documented way


def standing_of(
    thread: threading.Thread,
    where: dict[int, FrameType],
    has_work: Callable[[threading.Thread, FrameType], bool | None],
) -> Standing:
    """Tell how ``thread`` stands, given :func:`frames`.

    ``has_work(thread, frame)`` answers for pools that it knows: whether a thread that waits for
    work has been given some; ``None`` for all other threads.
    """
    timed = False
    for _ in range(_JOINED_MAX):
        innermost = where.get(thread.ident or 0)
        if innermost is None:
            # It has just been started, or it is about to end.
            return Standing.ACTIVE
        frame = _where_it_waits(innermost)
        if _key(frame) not in _JOINS:
            own = _standing_in(frame, has_work(thread, frame))
            return max(own, Standing.TIMED) if timed else own
        timed = timed or _has_timeout(frame)
        joined = frame.f_locals.get("self")
        if not isinstance(joined, threading.Thread) or not joined.is_alive():
            return Standing.ACTIVE
        if joined is threading.current_thread():
            return Standing.TIMED if timed else Standing.PARKED
        # Whoever waits for a thread to end stands as that thread does.
        thread = joined
    return Standing.PARKED


def _where_it_waits(innermost: FrameType) -> FrameType:
    """Return the frame of a function that waits, even if somebody has wrapped the lock it uses."""
    frame: FrameType | None = innermost
    for _ in range(_WRAPPERS_MAX):
        if frame is None:
            break
        if _key(frame) in _WAITING:
            return frame
        frame = frame.f_back
    return innermost


def _standing_in(frame: FrameType, has_work: bool | None) -> Standing:  # noqa: FBT001 - an answer, passed on
    if has_work is not None:
        return Standing.ACTIVE if has_work else Standing.IDLE
    key = _key(frame)
    if key == _WAIT:
        return _standing_in_wait(frame)
    if key == _POOL:
        return _standing_in_pool(frame)
    if key == _ANOTHER_WORLD:
        return Standing.TIMED
    if key in _LISTENING or _in_package(key) == _TRIO_POOL:
        return Standing.PARKED
    return Standing.ACTIVE


def _standing_in_wait(frame: FrameType) -> Standing:
    if _is_notified(frame):
        return Standing.ACTIVE
    if not _has_timeout(frame):
        return Standing.IDLE
    return Standing.RESTING if _is_at_work(frame) else Standing.TIMED


def _is_at_work(frame: FrameType) -> bool:
    """Tell whether a thread that waits with a timeout does so as part of a job it was given.

    Somebody waits for the end of such a job. A thread that was started to look after something
    now and then has no end, and one that waits for a future waits for somebody else's work.
    """
    outer = frame.f_back
    if outer is not None and outer.f_code.co_filename == _FUTURES:
        return False
    while outer is not None:
        key = _key(outer)
        if key == _POOL or _in_package(key) in _OTHER_POOLS:
            return True
        outer = outer.f_back
    return False


def _in_package(key: tuple[str, str]) -> tuple[tuple[str, ...], str]:
    return Path(key[0]).parts[-3:], key[1]


def _is_notified(frame: FrameType) -> bool:
    """Tell whether a thread in ``Condition.wait`` has been woken and will run once it gets to it.

    On a busy machine that takes longer than anybody would like to look on.
    """
    known = frame.f_locals
    waiters = getattr(known.get("self"), "_waiters", None)
    # Who is not in line any more has been notified; who is not yet is still running.
    return waiters is None or known.get("waiter") not in waiters


def _standing_in_pool(frame: FrameType) -> Standing:
    """Tell whether a thread of ``concurrent.futures`` that waits for work has been given some."""
    known = frame.f_locals
    if "work_item" in known:
        return Standing.ACTIVE
    # What was handed to a waiting thread may be in no queue any more, but then the pool counts
    # one idle thread less than it has.
    executor = known.get("executor_reference", _nothing)()
    idle = getattr(getattr(executor, "_idle_semaphore", None), "_value", None)
    threads, queue = getattr(executor, "_threads", None), known.get("work_queue")
    if idle is None or threads is None or queue is None or getattr(executor, "_shutdown", True):
        return Standing.PARKED
    return Standing.IDLE if queue.empty() and idle >= len(threads) else Standing.ACTIVE


def _nothing() -> None:
    return None


def _key(frame: FrameType) -> tuple[str, str]:
    return frame.f_code.co_filename, frame.f_code.co_name


def _has_timeout(frame: FrameType) -> bool:
    timeout = frame.f_locals.get("timeout")
    # Some of these functions say None for "as long as it takes", others -1.
    return timeout is not None and timeout >= 0


def place_of_thread(thread: threading.Thread) -> str:
    """Return the file:line at which ``thread`` is now."""
    frame = frames().get(thread.ident or 0)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "an unknown place"
