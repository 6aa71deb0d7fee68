"""Which resources are open, since when, and where they were opened.

Nothing is recorded until somebody asks: ``track_resource`` looks at one list and returns when no
tracker is entered. A tracker takes no lock. Each of its steps is one operation on a dictionary
with integers for keys, which no other thread, finaliser or collection can interrupt, so the
garbage collector may run, and call back, anywhere in it.
"""

from __future__ import annotations

import inspect
import itertools
import tracemalloc
import weakref
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar, final

import anyio

from concurrency._validation import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

__all__ = [
    "LeakInfo",
    "LeakTracker",
    "ResourceLeakError",
    "leak_tracker_fixture",
    "track_resource",
    "untrack_resource",
]


K = TypeVar("K")

_GONE = object()


@final
@dataclass(frozen=True, slots=True)
class LeakInfo:
    """One resource that is still open.

    ``created_at`` is the instant at which it was recorded, in seconds on AnyIO's clock; ``None``
    if no event loop ran there. ``place`` is ``"file:line in function"``: where the object was
    allocated if ``tracemalloc`` is tracing, else where it was recorded.
    """

    name: str
    kind: str
    created_at: float | None
    place: str = ""

    @property
    def age(self) -> float | None:
        """Seconds since then; ``None`` outside an event loop."""
        now = _now()
        return None if now is None or self.created_at is None else now - self.created_at

    def __str__(self) -> str:
        age = self.age
        since = "" if age is None else f", open for {age:g}s"
        return f"{self.kind} {self.name!r}{since}, from {self.place}"


@final
class ResourceLeakError(RuntimeError):
    """Resources were still open when their tracker was left; ``leaks`` lists them."""

    def __init__(self, leaks: list[LeakInfo]) -> None:
        self.leaks = leaks
        super().__init__(_report(leaks))


@final
@dataclass(eq=False, slots=True)
class _Record:
    info: LeakInfo
    age: int  # Its place in the order of recording.
    ref: weakref.ref[object] | None
    # Objects without weak references are kept alive by their record: without that, their number
    # would be given to another object, which would then be taken for them.
    kept: object

    def is_of(self, obj: object) -> bool:
        return self._resolve() is obj

    @property
    def is_alive(self) -> bool:
        return self._resolve() is not _GONE

    def _resolve(self) -> object:
        if self.ref is None:
            return self.kept
        obj = self.ref()
        return _GONE if obj is None else obj


@final
class LeakTracker:
    """Knows what was opened and not closed.

    Two ways to record, which differ in what the death of an object means. ``track`` watches an
    *object*: when it is collected, it is gone and no leak. ``acquire`` counts an *obligation*:
    whoever drops the object without ``release`` has leaked.

    As a context manager it is where ``track_resource`` records (the innermost one entered), and
    leaving it with anything open raises ``ResourceLeakError``; if the block failed, its exception
    gets the list as a note instead. Usable from any thread and without an event loop.
    """

    def __init__(self) -> None:
        self._tracked: dict[int, _Record] = {}
        # By number of the object, kind, and 0 or, when that is taken, the age of the record.
        self._acquired: dict[tuple[int, str, int], _Record] = {}
        self._ages = itertools.count(1)

    def track(self, obj: object, *, name: str | None = None, kind: str | None = None) -> None:
        """Record that ``obj`` is open until it is untracked or collected.

        ``name`` and ``kind`` default to its type's name and ``"resource"``. Tracking it again
        renames it. An object that has no weak references is kept alive until untracked.
        """
        forget = partial(_forget, self._tracked, id(obj))
        self._tracked[id(obj)] = self._record(obj, name, kind or "resource", forget)

    def untrack(self, obj: object) -> None:
        """Record that ``obj`` is closed; once or often, tracked or not."""
        self._tracked.pop(id(obj), None)

    def acquire(self, kind: str, obj: object) -> None:
        """Record that a ``kind`` was taken and must be released; twice counts twice.

        Raises:
            TypeError: ``kind`` is not text (the kind comes first).
        """
        _check_kind("acquire", kind)
        record = self._record(obj, None, kind, None)
        if self._acquired.setdefault((id(obj), kind, 0), record) is not record:
            self._acquired[id(obj), kind, record.age] = record

    def release(self, kind: str, obj: object) -> None:
        """Record that it was given back.

        Raises:
            TypeError: ``kind`` is not text (the kind comes first).
            RuntimeError: no such ``kind`` is acquired with this ``obj``.
        """
        _check_kind("release", kind)
        usual = (id(obj), kind, 0)
        record = self._acquired.get(usual)
        if record is not None and record.is_of(obj) and self._acquired.pop(usual, None) is not None:
            return
        # Acquired more than once, or where an object long gone had the same number.
        for key, other in _snapshot(self._acquired):
            # pop tells who came first, if two threads release the same one.
            if key[1] == kind and other.is_of(obj) and self._acquired.pop(key, None) is not None:
                return
        raise RuntimeError(
            f"release() was handed {describe(obj)} that is not acquired as {kind!r}: either it "
            "was released before, or acquire() got another kind or object"
        )

    def live(self) -> list[LeakInfo]:
        """List what is open and whose object still exists, oldest first."""
        return [record.info for record in self._all() if record.is_alive]

    def check_leaks(self) -> list[LeakInfo]:
        """List everything that was opened and not closed, oldest first; empty is good.

        Unlike ``live`` this includes what was acquired and whose object is gone.
        """
        return [record.info for record in self._all()]

    def clear(self) -> None:
        """Forget everything."""
        self._tracked.clear()
        self._acquired.clear()

    def __enter__(self) -> Self:
        _entered.append(self)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _entered.remove(self)
        leaks = self.check_leaks()
        if not leaks:
            return
        if exc is None:
            raise ResourceLeakError(leaks)
        exc.add_note(_report(leaks))

    def _record(
        self, obj: object, name: str | None, kind: str, forget: Callable[[object], None] | None
    ) -> _Record:
        info = LeakInfo(name or type(obj).__qualname__, kind, _now(), _place(obj))
        age = next(self._ages)
        try:
            return _Record(info, age, weakref.ref(obj, forget), None)
        except TypeError:
            return _Record(info, age, None, obj)

    def _all(self) -> list[_Record]:
        records = [record for _, record in _snapshot(self._tracked)]
        records += [record for _, record in _snapshot(self._acquired)]
        return sorted(records, key=lambda record: record.age)


# The trackers entered, innermost last.
_entered: list[LeakTracker] = []


def track_resource(obj: object, *, name: str | None = None, kind: str | None = None) -> None:
    """Track ``obj`` in the innermost ``LeakTracker`` entered; without one, do nothing."""
    if _entered:
        _entered[-1].track(obj, name=name, kind=kind)


def untrack_resource(obj: object) -> None:
    """Untrack ``obj`` in every ``LeakTracker`` entered."""
    for tracker in tuple(_entered):
        tracker.untrack(obj)


def leak_tracker_fixture() -> Iterator[LeakTracker]:
    """Yield a tracker and fail with the list of leaks: made to be registered as a fixture.

    ``leak_tracker = pytest.fixture(leak_tracker_fixture)``
    """
    with LeakTracker() as tracker:
        yield tracker


def _check_kind(method: str, kind: object) -> None:
    if not isinstance(kind, str):
        raise TypeError(
            f'{method}() takes the kind first: write {method}("connection", connection); it was '
            f"handed {describe(kind)} as the kind"
        )


def _forget(records: dict[int, _Record], number: int, ref: object) -> None:
    # The number may have been tracked anew under another record by now.
    record = records.get(number)
    if record is not None and record.ref is ref:
        records.pop(number, None)


def _snapshot(records: dict[K, _Record]) -> list[tuple[K, _Record]]:
    while True:
        try:
            return list(records.items())
        except RuntimeError:
            # Somebody changed it meanwhile, so somebody got on: look again.
            continue


def _now() -> float | None:
    try:
        return anyio.current_time()
    except RuntimeError:
        return None


def _place(obj: object) -> str:
    traced = tracemalloc.get_object_traceback(obj) if tracemalloc.is_tracing() else None
    if traced is not None:
        return f"{traced[-1].filename}:{traced[-1].lineno}"
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    if frame is None:
        return "an unknown place"
    code = frame.f_code
    return f"{code.co_filename}:{frame.f_lineno} in {code.co_qualname}"


def _report(leaks: list[LeakInfo]) -> str:
    count = len(leaks)
    head = "1 resource is still open" if count == 1 else f"{count} resources are still open"
    return "\n".join([head, *(f"  {leak}" for leak in leaks)])
