"""Faults as data: which call of what fails, is late, or never comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, final

import anyio
from hypothesis import strategies as st

from properties.strategies.timings import timings
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

__all__ = ["Fault", "FaultPlan", "fault_plans"]

T = TypeVar("T")
FaultKind = Literal["fails before", "fails after", "is late", "hangs"]
KINDS: tuple[FaultKind, ...] = ("fails before", "is late", "fails after", "hangs")


@final
@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls call number ``call``, from 1, of ``point``.

    ``"fails before"``: it raises and has done nothing; ``"fails after"``: it raises although it
    was done; ``"is late"`` by ``seconds``; ``"hangs"``: it never comes back, until cancelled.
    """

    point: str
    call: int
    kind: FaultKind
    seconds: float = 1.0

    def __post_init__(self) -> None:
        """Refuse faults that nothing could have."""
        if self.call < 1 or self.kind not in KINDS or not self.seconds >= 0:
            raise UsageError(
                f"a fault has call >= 1, seconds >= 0, and one of the kinds {', '.join(KINDS)}, "
                f"not {self!r}"
            )


@final
@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults for the points of one run; by default none."""

    faults: tuple[Fault, ...] = ()

    def wrap(
        self,
        point: str,
        function: Callable[..., Awaitable[T]],
        *,
        error: Callable[[str], Exception] = OSError,
    ) -> Callable[..., Awaitable[T]]:
        """Return ``function`` with the faults of ``point``; calls are counted from here on.

        What fails raises ``error(text)``. Wrap anew for each run.
        """
        planned = {fault.call: fault for fault in self.faults if fault.point == point}
        count = 0

        async def faulty(*args: Any, **kwargs: Any) -> T:
            nonlocal count
            count += 1
            fault = planned.get(count)
            text = f"planned fault of {point}, call {count}"
            if fault is None:
                return await function(*args, **kwargs)
            if fault.kind == "fails before":
                raise error(text)
            if fault.kind == "hangs":
                await anyio.sleep_forever()
            if fault.kind == "is late":
                await anyio.sleep(fault.seconds)
            result = await function(*args, **kwargs)
            if fault.kind == "fails after":
                raise error(text)
            return result

        return faulty


def fault_plans(
    points: Sequence[str],
    *,
    kinds: Sequence[FaultKind] = KINDS,
    faults: int = 3,
    calls: int = 8,
) -> st.SearchStrategy[FaultPlan]:
    """Return a strategy of plans with up to ``faults`` among the first ``calls`` of ``points``.

    They shrink towards none, and towards early calls and the kinds that come first.

    Raises:
        UsageError: there is no point, or no kind of fault.
    """
    if not points or not kinds or faults < 0 or calls < 1:
        raise UsageError(
            "fault_plans() takes one point and one kind or more, faults >= 0 and calls >= 1"
        )
    fault = st.builds(
        Fault,
        point=st.sampled_from(list(points)),
        call=st.integers(1, calls),
        kind=st.sampled_from(list(kinds)),
        seconds=timings(),
    )
    # Two faults of one call would contradict each other.
    unique = st.lists(fault, max_size=faults, unique_by=lambda f: (f.point, f.call))
    return unique.map(tuple).map(FaultPlan)
