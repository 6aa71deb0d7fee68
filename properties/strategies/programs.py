"""Random programs of structured concurrency, as data that reads as the code it runs as."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, final

from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import CodeType, ModuleType

__all__ = [
    "CancelGroup",
    "Catch",
    "Checkpoint",
    "CleanUp",
    "Fail",
    "Group",
    "PlannedError",
    "Program",
    "Scope",
    "Shield",
    "Sleep",
    "Statement",
    "WithLock",
]

LOCKS: Final = 3
_NAMES: Final = (
    "CancelScope",
    "Lock",
    "create_task_group",
    "fail_after",
    "move_on_after",
    "sleep",
)


@final
class PlannedError(Exception):
    """What a program raises by plan; its text is the name of the failure."""


@lru_cache(maxsize=64)
def _compiled(source: str) -> CodeType:
    # One program runs on several libraries and schedules, and compiling is a third of a run.
    return compile(source, "<program>", "exec")


@final
@dataclass(slots=True)
class _Names:
    """Numbers for what is named in the text of one program."""

    counts: dict[str, int] = field(default_factory=dict[str, int])

    def new(self, stem: str) -> str:
        self.counts[stem] = number = self.counts.get(stem, 0) + 1
        return f"{stem}{number}"


def _block(body: tuple[Statement, ...], names: _Names, group: str | None) -> list[str]:
    lines = [line for each in body for line in each.lines(names, group)]
    return [f"    {line}" for line in lines or ["pass"]]


@final
@dataclass(frozen=True, slots=True)
class Sleep:
    """Sleep for some seconds."""

    seconds: float

    def lines(self, _names: _Names, _group: str | None) -> list[str]:
        """Return the statement as code."""
        return [f"await sleep({self.seconds:g})"]


@final
@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Let others run."""

    def lines(self, _names: _Names, _group: str | None) -> list[str]:
        """Return the statement as code."""
        return ["await checkpoint()"]


@final
@dataclass(frozen=True, slots=True)
class Fail:
    """Raise an error that names the place."""

    def lines(self, names: _Names, _group: str | None) -> list[str]:
        """Return the statement as code."""
        return [f"raise PlannedError({names.new('failure')!r})"]


@final
@dataclass(frozen=True, slots=True)
class CancelGroup:
    """Cancel the group around this, or only let others run where there is none."""

    def lines(self, _names: _Names, group: str | None) -> list[str]:
        """Return the statement as code."""
        return ["await checkpoint()" if group is None else f"{group}.cancel_scope.cancel()"]


@final
@dataclass(frozen=True, slots=True)
class Scope:
    """A scope with a timeout, which is passed over in silence or raised."""

    seconds: float
    raises: bool
    body: tuple[Statement, ...]

    def lines(self, names: _Names, group: str | None) -> list[str]:
        """Return the statement as code."""
        name = "fail_after" if self.raises else "move_on_after"
        return [f"with {name}({self.seconds:g}):", *_block(self.body, names, group)]


@final
@dataclass(frozen=True, slots=True)
class Shield:
    """A scope that keeps cancellations out."""

    body: tuple[Statement, ...]

    def lines(self, names: _Names, group: str | None) -> list[str]:
        """Return the statement as code."""
        return ["with CancelScope(shield=True):", *_block(self.body, names, group)]


@final
@dataclass(frozen=True, slots=True)
class Catch:
    """Catch failures, those in groups included, and note that one came."""

    body: tuple[Statement, ...]

    def lines(self, names: _Names, group: str | None) -> list[str]:
        """Return the statement as code."""
        note = f"    note({names.new('caught')!r})"
        return ["try:", *_block(self.body, names, group), "except Exception:", note]


@final
@dataclass(frozen=True, slots=True)
class CleanUp:
    """Note that clean-up ran, whatever happened."""

    body: tuple[Statement, ...]

    def lines(self, names: _Names, group: str | None) -> list[str]:
        """Return the statement as code."""
        name = names.new("cleaned")
        return ["try:", *_block(self.body, names, group), "finally:", f"    note({name!r})"]


@final
@dataclass(frozen=True, slots=True)
class WithLock:
    """Hold a lock, unless one of its number or a later one is held already: no deadlock."""

    number: int
    body: tuple[Statement, ...]

    def lines(self, names: _Names, group: str | None) -> list[str]:
        """Return the statement as code."""
        return [f"async with locks[{self.number}]:", *_block(self.body, names, group)]


@final
@dataclass(frozen=True, slots=True)
class Group:
    """A task group: tasks with bodies of their own, and the body of the block."""

    tasks: tuple[tuple[Statement, ...], ...]
    body: tuple[Statement, ...]

    def lines(self, names: _Names, _group: str | None) -> list[str]:
        """Return the statement as code."""
        group = names.new("group")
        defined: list[str] = []
        started: list[str] = []
        for body in self.tasks:
            task = names.new("task")
            end = f"    note({task!r})"
            defined += [f"async def {task}():", *_block(body, names, group), end]
            started.append(f"    {group}.start_soon({task})")
        inner = _block(self.body, names, group)
        return [*defined, f"async with create_task_group() as {group}:", *started, *inner]


Statement = (
    Sleep | Checkpoint | Fail | CancelGroup | Scope | Shield | Catch | CleanUp | WithLock | Group
)


@final
@dataclass(frozen=True, slots=True)
class Program:
    """A program of structured concurrency. ``str()`` and ``repr()`` are its source.

    It ends, fails, or is cancelled as its groups and scopes say; it does not deadlock. Tasks that
    come to their end, clean-ups and caught failures are noted, with their instants.
    """

    body: tuple[Statement, ...]

    def source(self) -> str:
        """Return the program as code, for any library with AnyIO's names."""
        names = _Names()
        lines = ["async def main():", *_block(self.body, names, None), "    note('main')"]
        return "\n".join(lines) + "\n"

    def main(
        self, library: ModuleType, note: Callable[[str], object], **replacements: Any
    ) -> Callable[[], Awaitable[None]]:
        """Return the program's ``main``, which uses ``library`` and reports to ``note``.

        ``replacements`` stand in for names of the library.

        Raises:
            UsageError: the library lacks a name that programs use.
        """
        namespace: dict[str, Any] = {"PlannedError": PlannedError, "note": note}
        lowlevel: Any = getattr(library, "lowlevel", library)
        namespace["checkpoint"] = getattr(lowlevel, "checkpoint", None)
        for name in _NAMES:
            namespace[name] = replacements.get(name, getattr(library, name, None))
        missing = sorted(name for name, value in namespace.items() if value is None)
        if missing:
            raise UsageError(
                f"{library.__name__} lacks {', '.join(missing)}: a program runs on a library with "
                "AnyIO's names, or with a replacement for each that is missing"
            )
        namespace["locks"] = [namespace["Lock"]() for _ in range(LOCKS)]
        # The text that a failure shows is the very text that ran.
        exec(_compiled(self.source()), namespace)  # noqa: S102
        made: Callable[[], Awaitable[None]] = namespace["main"]
        return made

    def __str__(self) -> str:
        """Return the source."""
        return self.source()

    def __repr__(self) -> str:
        """Return the source, set off from what is around it."""
        return "\n" + textwrap.indent(self.source(), "    ")
