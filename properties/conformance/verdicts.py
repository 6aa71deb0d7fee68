"""What a kit finds: a verdict on each promise, and the report of them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    import simclock

__all__ = ["ConformanceError", "PromiseVerdict", "Report"]


@final
class ConformanceError(AssertionError):
    """An implementation does not keep a promise; the text has the schedule that shows it."""


@final
@dataclass(frozen=True, slots=True)
class PromiseVerdict:
    """Whether a promise was kept on a backend in ``schedules`` runs, and how it was broken."""

    promise: str
    backend: str
    schedules: int
    failure: simclock.Failure | None = None

    @property
    def kept(self) -> bool:
        """Whether no schedule broke the promise."""
        return self.failure is None

    def __str__(self) -> str:
        """Return the verdict on one line."""
        if self.failure is None:
            return f"kept    {self.promise} ({self.backend}, {self.schedules} schedules)"
        error: BaseException = self.failure.exception
        while isinstance(error, BaseExceptionGroup):
            error = _first(error)
        first = (str(error).splitlines() or [""])[0]
        return f"BROKEN  {self.promise} ({self.backend}): {type(error).__name__}: {first}"


def _first(group: Any) -> BaseException:
    found: BaseException = group.exceptions[0]
    return found


@final
@dataclass(frozen=True, slots=True)
class Report:
    """The verdicts of a kit on an implementation."""

    kit: str
    subject: str
    verdicts: tuple[PromiseVerdict, ...]

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return all(verdict.kept for verdict in self.verdicts)

    @property
    def broken(self) -> tuple[str, ...]:
        """The names of the promises that were broken, each once."""
        return tuple(dict.fromkeys(v.promise for v in self.verdicts if not v.kept))

    def assert_kept(self) -> None:
        """Raise :class:`ConformanceError`, with the whole report of a failure, if there is one."""
        for verdict in self.verdicts:
            if verdict.failure is not None:
                raise ConformanceError(
                    f"{self.subject} does not keep a promise of a {self.kit}: {verdict.promise}\n"
                    f"{verdict.failure.report()}"
                ) from verdict.failure.exception

    def __str__(self) -> str:
        """Return a line for each verdict."""
        return "\n".join([f"{self.kit}: {self.subject}", *(f"  {v}" for v in self.verdicts)])
