"""One run of an async function, decided by Hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final, final

import hypothesis
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from properties.strategies.drawn import DrawnSchedule
from properties.strategies.schedules import schedules
from simclock.errors import UsageError
from simclock.exploration.runs import Plan, Runner
from simclock.exploration.world import World, require_main
from simclock.kernel import Limits
from simclock.reports import FailureStory, notes
from simclock.schedules import Deviation, Schedule

if TYPE_CHECKING:
    from simclock.simulation.outcome import Outcome

__all__ = ["LIMITS", "Source", "simulate"]

Source = st.DataObject | DrawnSchedule | Callable[[st.SearchStrategy[Any]], Any]
"""What draws the decisions of a run: ``st.data()``, ``schedules()``, or a composite's ``draw``."""

LIMITS: Final = Limits(steps=100_000)
"""How long a run may take unless told otherwise: a livelock must not stop the search."""


@final
class _Probe:
    """A note that learns whether it is shown: Hypothesis shows those of the final run only."""

    def __init__(self, text: str) -> None:
        self.shown = False
        self._text = text

    def __repr__(self) -> str:
        self.shown = True
        return self._text


_warm: dict[str, Outcome] = {}


def simulate(
    source: Source,
    main: Callable[..., Coroutine[Any, Any, Any]],
    *args: Any,
    backend: str | Sequence[str] = "asyncio",
    cancel: bool | str = False,
    stalls: bool = True,
    deviations: int = 12,
    limits: Limits = LIMITS,
) -> Any:
    """Run ``main(*args)`` in a simulated world whose decisions ``source`` draws; return its result.

    For tests under ``@given``: the schedule comes from the choice sequence of the example, so it
    shrinks with the data, and the example database replays both. ``main`` may draw too. With a
    :class:`DrawnSchedule` for ``source`` the options are those it was drawn with.

    Raises what ``main`` raises, or a verdict such as :class:`~simclock.DeadlockError`; the report
    of the smallest failing run has the schedule in words, and the text that replays it. A run
    that ended by an injected cancellation of ``main`` is no failure, and returns ``None``.
    """
    main = require_main(main)
    drawn = _draw(source, backend=backend, cancel=cancel, stalls=stalls, deviations=deviations)
    return run_drawn(drawn, main, args, limits=limits)


def _draw(source: object, **options: Any) -> DrawnSchedule:
    if isinstance(source, DrawnSchedule):
        return source
    if isinstance(source, st.DataObject):
        return source.draw(schedules(**options), label="schedule")
    if callable(source):
        drawn: object = source(schedules(**options))
        if isinstance(drawn, DrawnSchedule):
            return drawn
    raise UsageError(
        "simulate() takes what draws its decisions: a value of st.data(), one of "
        f"properties.schedules(), or the draw function of a composite, not {source!r}"
    )


def run_drawn(
    drawn: DrawnSchedule,
    main: Callable[..., Coroutine[Any, Any, Any]],
    args: Sequence[Any],
    *,
    limits: Limits = LIMITS,
    replay: str = "simclock.replay(main, *args, schedule={schedule!r})",
) -> Any:
    """Run ``main(*args)`` as ``drawn`` says; ``replay`` says how a failure is had again."""
    in_test = hypothesis.currently_in_test_context()
    probe = _Probe(f"simulated on {drawn.backend}")
    if in_test:
        hypothesis.note(probe)
    scheduler, injected = drawn.scheduler(), drawn.injected()
    calm = _warm_up(drawn.backend)
    world = World(drawn.backend, drawn.seed, limits)
    with Runner(main, args, world, warm_up=False) as runner:
        # A cancellation is to come as AnyIO's and trio's do, through a scope.
        runner.calm = calm
        plan = Plan(drawn.seed, scheduler, injected, label="drawn")
        outcome = runner.run(plan, observing=probe.shown)
    failure = outcome.failure
    if failure is None:
        return outcome.value
    if isinstance(failure, Exception) and not isinstance(failure, HypothesisException):
        chosen = () if scheduler is None else tuple(scheduler.deviations)
        schedule = _recorded(drawn, chosen, outcome)
        command = replay.format(schedule=str(schedule))
        if probe.shown:
            hypothesis.note(_story(schedule, outcome, failure, command))
        elif not in_test:
            failure.add_note(_story(schedule, outcome, failure, command))
    raise failure


def _recorded(drawn: DrawnSchedule, chosen: tuple[Deviation, ...], outcome: Outcome) -> Schedule:
    applied = tuple(outcome.simulation.applied)
    return Schedule(drawn.backend, drawn.seed, (*chosen, *applied))


def _story(schedule: Schedule, outcome: Outcome, failure: BaseException, command: str) -> str:
    simulation = outcome.simulation
    story = FailureStory(
        exception=failure,
        schedule=schedule,
        events=tuple(simulation.trace.events),
        names=tuple(simulation.names()),
        passed_over={},
        steps=simulation.step,
        replay_command=command,
    )
    # It was not replayed, and the reader wants to know who drew it.
    return notes(story).replace("simclock: replayed on", "drawn by Hypothesis on", 1)


def _warm_up(backend: str) -> Outcome:
    """Run a little AnyIO program once: lazy imports make the first run of a process differ."""
    if backend not in _warm:
        with Runner(_little_program, (), World(backend), warm_up=False) as runner:
            _warm[backend] = runner.run(Plan(0))
    return _warm[backend]


async def _little_program() -> None:
    import anyio  # noqa: PLC0415 - nothing else here needs it

    async def sleeper() -> None:
        await anyio.sleep(1)

    with anyio.move_on_after(0.5):
        async with anyio.create_task_group() as tg:
            tg.start_soon(sleeper)
