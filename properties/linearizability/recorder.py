"""Recording: calls of several tasks as one history."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, cast, final

import anyio

from properties.linearizability.history import Call, Ending, History
from properties.models.base import Raised
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

__all__ = ["CutOff", "Recorder"]

T = TypeVar("T")
_NUMBERED: Final = re.compile("Task-[0-9]+")
CutOff = Literal["open", "during", "never"]


@final
@dataclass(slots=True)
class _Entry:
    task: str
    name: str
    args: tuple[Any, ...]
    start: int
    end: int | None = None
    ending: Ending = Ending.OPEN
    response: Any = None


@final
class Recorder:
    """Makes a :class:`History` of the calls that go through it.

    ``cut_off`` says what a call that a cancellation ended may have done: ``"open"``, it may
    still take effect later, as a request does that is on its way to a server; ``"during"``, it
    took effect before it ended or not at all; ``"never"``, it has not happened, which is what
    many objects promise. The first is never wrong, and the last finds the most.

    Tasks are named after the function that they run, and numbered where that is not enough.

    Raises:
        UsageError: ``cut_off`` is none of these.
    """

    __slots__ = ("_count", "_cut_off", "_entries", "_names", "_used")

    def __init__(self, *, cut_off: CutOff = "open") -> None:
        if cut_off not in {"open", "during", "never"}:
            raise UsageError(f"cut_off is 'open', 'during' or 'never', not {cut_off!r}")
        self._cut_off = cut_off
        self._entries: list[_Entry] = []
        self._count = 0
        # The coroutine is kept, or the next one at its address would pass for it.
        self._names: dict[object, str] = {}
        self._used: dict[str, int] = {}

    async def call(
        self,
        name: str,
        function: Callable[..., Awaitable[T]],
        /,
        *args: Any,
        task: str | None = None,
    ) -> T:
        """Return ``await function(*args)``, and record it as a call of ``name``."""
        entry = self._begin(name, args, task)
        try:
            result = await function(*args)
        except BaseException as error:
            self._end_with(entry, error, anyio.get_cancelled_exc_class())
            raise
        self._end(entry, Ending.RETURNED, result)
        return result

    def call_nowait(
        self, name: str, function: Callable[..., T], /, *args: Any, task: str | None = None
    ) -> T:
        """Return ``function(*args)``, and record it as a call of ``name``."""
        entry = self._begin(name, args, task)
        try:
            result = function(*args)
        except BaseException as error:
            self._end_with(entry, error, anyio.get_cancelled_exc_class())
            raise
        self._end(entry, Ending.RETURNED, result)
        return result

    def history(self) -> History:
        """Return the calls recorded so far; those that have not ended are open."""
        return History(
            Call(e.task, e.name, e.args, e.start, e.end, e.ending, e.response)
            for e in self._entries
            if not (e.ending is Ending.CUT_OFF and self._cut_off == "never")
        )

    def watch(self, target: Any, calls: Sequence[str]) -> Any:
        """Return an object that passes the methods named in ``calls`` on to ``target``, recorded.

        Raises:
            UsageError: ``target`` has no such method.
        """
        return _Watched(self, target, calls)

    def _begin(self, name: str, args: tuple[Any, ...], task: str | None) -> _Entry:
        self._count += 1
        entry = _Entry(task or self._task_name(), name, args, self._count)
        self._entries.append(entry)
        return entry

    def _end(self, entry: _Entry, ending: Ending, response: Any = None) -> None:
        self._count += 1
        entry.ending, entry.response = ending, response
        entry.end = None if ending is Ending.OPEN else self._count

    def _end_with(
        self, entry: _Entry, error: BaseException, cancelled: type[BaseException]
    ) -> None:
        kind = _type_of(error)
        group = cast("BaseExceptionGroup[BaseException]", error)
        in_group = issubclass(kind, BaseExceptionGroup) and group.subgroup(cancelled) is not None
        if in_group or issubclass(kind, cancelled):
            self._end(entry, Ending.OPEN if self._cut_off == "open" else Ending.CUT_OFF)
        else:
            self._end(entry, Ending.RETURNED, Raised(_type_of(error)))

    def _task_name(self) -> str:
        task = anyio.get_current_task()
        coroutine: Any = task.coro
        name = self._names.get(coroutine)
        if name is None:
            stem = (task.name or "").rpartition(".")[2]
            if not stem or _NUMBERED.fullmatch(stem):
                # asyncio numbers its tasks through all runs of a process: no name to rely on.
                stem = str(getattr(coroutine, "__name__", "task"))
            self._used[stem] = count = self._used.get(stem, 0) + 1
            name = self._names[coroutine] = stem if count == 1 else f"{stem}-{count}"
        return name


def _type_of(error: BaseException) -> type[BaseException]:
    return type(error)


@final
class _Watched:
    """Methods of an object, each of which records its calls."""

    def __init__(self, recorder: Recorder, target: Any, calls: Sequence[str]) -> None:
        for name in calls:
            method = getattr(target, name, None)
            if not callable(method):
                raise UsageError(
                    f"watch() records methods, and {type(target).__name__} has none called {name!r}"
                )
            setattr(self, name, _recorded(recorder, name, method))


def _recorded(recorder: Recorder, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(method):

        async def recorded(*args: Any) -> Any:
            return await recorder.call(name, method, *args)

        return recorded
    return lambda *args: recorder.call_nowait(name, method, *args)
