"""Async tests under ``@given``: one choice sequence for data and schedule."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast, final

import hypothesis
from hypothesis import strategies as st

from properties.runs.run import LIMITS, run_drawn
from properties.strategies.drawn import DrawnSchedule
from properties.strategies.schedules import schedules
from simclock.errors import UsageError

if TYPE_CHECKING:
    from simclock.kernel import Limits

__all__ = ["given", "simulated"]

Test = Callable[..., Coroutine[Any, Any, Any]]
_MARK: Final = "simulated_by_properties"


def simulated(
    *,
    backend: str | Sequence[str] = "asyncio",
    cancel: bool | str = False,
    stalls: bool = True,
    deviations: int = 12,
    limits: Limits = LIMITS,
) -> Callable[[Test], Callable[..., None]]:
    """Make an async test a plain one that runs in a simulated world, for use below ``@given``.

    Below :func:`properties.given` nothing else is needed. Below Hypothesis's own ``@given`` the
    test needs a parameter that draws: ``st.data()``, or one of ``properties.schedules()``. The
    options are those of :func:`properties.schedules`.
    """
    strategy = schedules(backend=backend, cancel=cancel, stalls=stalls, deviations=deviations)
    calm = DrawnSchedule(backend if isinstance(backend, str) else next(iter(backend)))

    def decorate(test: Test) -> Callable[..., None]:
        _require_async(test)

        @functools.wraps(test)
        def run(*args: Any, **kwargs: Any) -> None:
            values = (*args, *kwargs.values())
            run_drawn(
                _find(test, values, strategy),
                functools.partial(test, *args, **kwargs),
                (),
                limits=limits,
            )

        setattr(run, _MARK, (test, strategy, limits, calm))
        return run

    return decorate


def given(*strategies: Any, **by_name: Any) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Return Hypothesis's ``given`` for async tests: it draws the schedule beside the arguments.

    Takes what :func:`hypothesis.given` takes, or nothing: then the schedule is all that is drawn.
    What it decorates is an async test, or one with :func:`simulated` below for options; what
    comes of it is an ordinary Hypothesis test, so ``@settings``, ``@example``, ``@seed`` and
    ``@reproduce_failure`` go with it as ever. An ``@example`` runs with the calm schedule, on
    the first backend. The report shows the arguments as Hypothesis does, and the schedule in
    words.

    Raises:
        UsageError: the test is not async.
    """

    def decorate(test: Callable[..., Any]) -> Callable[..., None]:
        if not hasattr(test, _MARK):
            test = simulated()(test)
        inner, strategy, limits, calm = cast(
            "tuple[Test, st.SearchStrategy[DrawnSchedule], Limits, DrawnSchedule]",
            getattr(test, _MARK),
        )
        signature = inspect.signature(inner)
        named = _named(signature, strategies, by_name)
        carrier = next((name for name in reversed(named) if named[name] is not ...), None)

        @functools.wraps(inner)
        def run(*args: Any, **kwargs: Any) -> None:
            drawn = calm if carrier is not None else kwargs.pop("schedule", calm)
            carried: object = kwargs.get(carrier or "")
            if isinstance(carried, _Carried):
                kwargs[carrier or ""], drawn = carried.value, carried.schedule
            run_drawn(drawn, functools.partial(inner, *args, **kwargs), (), limits=limits)

        if carrier is None:
            del run.__wrapped__
            run.__signature__ = _with_schedule(signature)  # type: ignore[attr-defined]
            named["schedule"] = strategy
        else:
            # Beside an argument rather than as one: every @example would have to give it.
            named[carrier] = _carry(named[carrier], strategy)
        return hypothesis.given(**named)(run)

    return decorate


@final
@dataclass(frozen=True, slots=True)
class _Carried:
    """An argument, and the schedule that was drawn after it; it looks like the argument."""

    value: Any
    schedule: DrawnSchedule

    def __repr__(self) -> str:
        return repr(self.value)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - the protocol's
        printer.pretty(self.value)


@st.composite
def _carry(
    draw: st.DrawFn, values: st.SearchStrategy[Any], strategy: st.SearchStrategy[DrawnSchedule]
) -> _Carried:
    value = draw(values)
    return _Carried(value, draw(strategy))


def _require_async(test: object) -> None:
    if not inspect.iscoroutinefunction(test):
        name = getattr(test, "__qualname__", repr(test))
        raise UsageError(
            f"{name} is not an async function: write 'async def', or call properties.simulate() "
            "from a plain test"
        )


def _find(
    test: Test, values: Sequence[object], strategy: st.SearchStrategy[DrawnSchedule]
) -> DrawnSchedule:
    for value in values:
        if isinstance(value, DrawnSchedule):
            return value
    for value in values:
        if isinstance(value, st.DataObject):
            return value.draw(strategy, label="schedule")
    raise UsageError(
        f"nothing draws the schedule of {test.__qualname__}: decorate it with properties.given in "
        "place of hypothesis.given, or give it a parameter of st.data() or properties.schedules()"
    )


def _with_schedule(signature: inspect.Signature) -> inspect.Signature:
    extra = inspect.Parameter("schedule", inspect.Parameter.KEYWORD_ONLY)
    return signature.replace(parameters=[*signature.parameters.values(), extra])


def _named(
    signature: inspect.Signature, strategies: Sequence[Any], by_name: Mapping[str, Any]
) -> dict[str, Any]:
    """Return ``strategies`` by the names of the last parameters, as Hypothesis fills them."""
    if not strategies:
        return dict(by_name)
    if by_name:
        raise UsageError("given() takes strategies by position or by name, not both")
    positional = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    if len(strategies) > len(positional):
        raise UsageError(
            f"given() has {len(strategies)} strategies for {len(positional)} parameters"
        )
    return dict(zip(positional[-len(strategies) :], strategies, strict=True))
