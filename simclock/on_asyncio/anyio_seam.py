"""The only file that touches a private of AnyIO: its scopes on asyncio hash by a counter.

AnyIO's asyncio backend keeps scopes in sets and delivers cancellation in the order of those
sets. The subclass below differs from the original in its hash alone, and stays installed: on a
loop that is not simulated it behaves as the original does.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from simclock.errors import SimulationError
from simclock.on_asyncio import primitives

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["has_work", "install", "is_call_from_thread", "new_scope", "reset", "was_used"]

_CALL_FROM_THREAD = "AsyncIOBackend.run_async_from_thread.<locals>.task_wrapper"


class _Count:
    """How many scopes the current run has opened."""

    scopes = 0
    installed = False


_installing = threading.Lock()


def install() -> None:
    """Make AnyIO's scopes hash the same in every process; refuse an AnyIO that has changed."""
    with _installing:
        if not _Count.installed:
            _install()


def _install() -> None:
    from anyio._backends import _asyncio as backend  # noqa: PLC0415 - not every simulation needs AnyIO

    original: Any = getattr(backend, "CancelScope", None)
    if original is None or not hasattr(original, "_child_scopes") or "__hash__" in vars(original):
        raise SimulationError(
            "this AnyIO keeps its scopes in a way that simclock does not know; "
            "use a simclock that names this AnyIO version as supported"
        )

    class CancelScope(original):  # type: ignore[misc]
        __slots__ = ("_serial",)

        def __init__(self, *args: Any, **options: Any) -> None:
            _Count.scopes += 1
            self._serial = _Count.scopes
            super().__init__(*args, **options)  # pyright: ignore[reportUnknownMemberType]

        def __hash__(self) -> int:
            return self._serial

    CancelScope.__module__, CancelScope.__qualname__ = original.__module__, original.__qualname__
    backend.CancelScope = CancelScope  # type: ignore[misc]
    primitives.install_for_anyio()
    _Count.installed = True


def reset() -> None:
    """Begin the count of a new run."""
    _Count.scopes = 0


def was_used() -> bool:
    """Tell whether the run has opened an AnyIO scope, hence is an AnyIO program."""
    return _Count.scopes > 0


def new_scope() -> Any:
    """Return a new scope of AnyIO's; also where no task runs, and ``anyio.CancelScope`` refuses."""
    from anyio._backends import _asyncio as backend  # noqa: PLC0415 - as above

    return backend.CancelScope()


def is_call_from_thread(coroutine: Any) -> bool:
    """Tell whether a task is how a thread runs something in the loop.

    No scope can stand around it: it puts itself into the scope of who started the thread.
    """
    code = getattr(coroutine, "cr_code", None)
    return code is not None and code.co_qualname == _CALL_FROM_THREAD


def has_work(thread: threading.Thread, frame: FrameType) -> bool | None:
    """Tell whether a worker of AnyIO that waits at its queue has been given a job.

    ``None`` for a worker that is at its job, and for threads that are not AnyIO's.
    """
    queue: Any = getattr(thread, "queue", None)
    taking, caller = frame.f_back, frame.f_back and frame.f_back.f_back
    if taking is None or taking.f_locals.get("self") is not queue:
        return None
    if queue is None or caller is None or caller.f_code is not type(thread).run.__code__:
        return None
    return bool(getattr(queue, "unfinished_tasks", 1))
