"""Kit for what runs calls for others, so many at a time: pool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal, Unpack, final

import anyio

import simclock
from properties.conformance.calls import Cut, bare, call
from properties.conformance.checks import check_choice, check_count
from properties.conformance.ground import Ground
from properties.conformance.kit import POLLING, Make, Options, Promise, Scenario, examine
from properties.conformance.verdicts import ConformanceError, Report
from properties.invariants import FirstInFirstOut, MutualExclusion, holding

__all__ = ["pool"]

_LIMIT_MAX: Final = 20
# What a pool that turns its callers away may raise, in some of them.
_TURNED_AWAY: Final = (Exception, asyncio.CancelledError)
_Task = Callable[[], Coroutine[Any, Any, Any]]


@final
class _JobError(Exception):
    """What a job of a scenario raises."""


@final
@dataclass(frozen=True, slots=True)
class _Facts:
    """What the subject is said to be."""

    limit: int
    leaving: str


@final
class _Jobs:
    """Makes the functions that a pool is to call, and sees when they run."""

    def __init__(self, facts: _Facts, ground: Ground) -> None:
        self.ground, self.limit = ground, facts.limit
        self.exclusion = MutualExclusion(facts.limit)
        self.inside = self.begun = 0

    def make(self, seconds: float, *, answer: Any = None, error: Exception | None = None) -> _Task:
        """Return a function that takes ``seconds``, and then returns or raises."""

        async def job() -> Any:
            self.begun += 1
            self.inside += 1
            try:
                with self.exclusion.inside():
                    await (self.ground.sleep(seconds) if seconds else self.ground.step())
            finally:
                self.inside -= 1
            if error is not None:
                raise error
            return answer

        return job

    async def ask(self, made: Any, seconds: float, answer: Any = "done") -> None:
        """Have ``made`` run a job, and raise unless its answer comes back."""
        got = await call(made.run, self.make(seconds, answer=answer))
        if got is not answer:
            raise ConformanceError(f"a call was to return {answer!r}, and returned {got!r}")

    async def ask_in_vain(self, made: Any, error: Exception) -> None:
        """Have ``made`` run a job that fails, and raise unless its error comes back."""
        try:
            got = await call(made.run, self.make(0, error=error))
        except Exception as raised:
            if bare(raised) is not error:
                raise
        else:
            raise ConformanceError(f"a call was to fail, and returned {got!r}")

    async def check_all_work(self, made: Any, when: str) -> None:
        """Raise unless as many jobs as the limit allows can be inside at once."""
        met, all_met = 0, anyio.Event()

        async def meet() -> None:
            nonlocal met
            met += 1
            if met == self.limit:
                all_met.set()
            # One job that waits for all others to be inside ties up one worker, not two.
            await self.ground.give_up(100, all_met.wait)
            met -= not all_met.is_set()

        await self.ground.run(*[partial(call, made.run, meet)] * self.limit)
        if not all_met.is_set():
            raise ConformanceError(f"{when}, {self.limit} jobs can no longer run at once")


@asynccontextmanager
async def _entered(facts: _Facts, make: Make, ground: Ground) -> AsyncGenerator[tuple[Any, _Jobs]]:
    """Make a pool and enter it; hold it to its limit."""
    jobs = _Jobs(facts, ground)
    async with holding(jobs.exclusion):
        made = make()
        async with made:
            yield made, jobs


def _never_more(facts: _Facts) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        async with _entered(facts, make, ground) as (made, jobs):
            cut = Cut(ground, (0.0, 0.5, 1.0, 1.5))

            async def caller(first: float, second: float) -> None:
                await jobs.ask(made, first)
                await jobs.ask(made, second)

            await ground.run(
                *[partial(caller, 0, 1)] * (facts.limit + 1),
                partial(cut.off, partial(caller, 1, 1)),
                cut.strike,
                *[partial(caller, 1, 0)] * 2,
            )

    return scenario


def _works_as_much(facts: _Facts) -> Scenario:
    """Look between the instants at which jobs end: nobody waits while a worker is free."""

    async def scenario(make: Make, ground: Ground) -> None:
        draw = simclock.current().random("durations")
        async with _entered(facts, make, ground) as (made, jobs):
            left = 3 * facts.limit + 1

            async def caller(seconds: float) -> None:
                nonlocal left
                await jobs.ask(made, seconds)
                left -= 1

            async def observer() -> None:
                await ground.sleep(0.5)
                while left:
                    if jobs.inside < min(left, facts.limit):
                        raise ConformanceError(
                            f"{jobs.inside} of {left} jobs ran, and {facts.limit} may"
                        )
                    await ground.sleep(1)

            durations = [draw.randint(1, 3) for _ in range(left)]
            await ground.run(*(partial(caller, seconds) for seconds in durations), observer)

    return scenario


def _answers_come_back(facts: _Facts) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        draw = simclock.current().random("durations")
        async with _entered(facts, make, ground) as (made, jobs):
            answers = (None, 0, "", False, *(object() for _ in range(facts.limit)))
            await ground.run(
                *(partial(jobs.ask, made, draw.randrange(3), answer) for answer in answers)
            )

    return scenario


def _errors_come_back(facts: _Facts) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        async with _entered(facts, make, ground) as (made, jobs):
            errors = [_JobError(f"job {number} has failed") for number in range(facts.limit + 1)]
            await ground.run(
                *(partial(jobs.ask_in_vain, made, error) for error in errors),
                partial(jobs.ask, made, 1),
            )
            await jobs.check_all_work(made, "after jobs that failed")

    return scenario


def _cancelled_callers_free_their_workers(facts: _Facts) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        async with _entered(facts, make, ground) as (made, jobs):
            for seconds in (1, 2):
                cut = Cut(ground, (0.0, 0.5, 1.0, 1.5))
                await ground.run(
                    *[partial(jobs.ask, made, 1)] * facts.limit,
                    partial(cut.off, partial(jobs.ask, made, seconds)),
                    cut.strike,
                    partial(jobs.ask, made, 1),
                )
            # A job whose caller is gone may run to its end.
            await ground.sleep(2)
            await jobs.check_all_work(made, "after callers were cancelled")

    return scenario


def _leaves_nothing_running(facts: _Facts) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        jobs, made, entered = _Jobs(facts, ground), make(), anyio.Event()

        async def block() -> None:
            async with made:
                entered.set()
                await ground.sleep(0.5)
            if jobs.inside:
                raise ConformanceError(f"the pool was left, and {jobs.inside} jobs ran on")

        async def caller() -> None:
            await entered.wait()
            if facts.leaving == "waits":
                await jobs.ask(made, 1)
                return
            try:
                await jobs.ask(made, 1)
            except ConformanceError:
                raise
            except _TURNED_AWAY:
                await ground.step()

        await ground.run(block, *[caller] * (facts.limit + 1))

    return scenario


def _refuses_when_left(facts: _Facts) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        jobs, made = _Jobs(facts, ground), make()
        async with made:
            await jobs.ask(made, 0)
        try:
            await call(made.run, jobs.make(0))
        except _TURNED_AWAY:
            if jobs.begun == 1:
                return
        raise ConformanceError("a pool that had been left took another call")

    return scenario


def _tells_its_callers(facts: _Facts) -> Scenario:
    """Cancel the block of the pool at any step: every call comes to some end all the same."""

    async def scenario(make: Make, ground: Ground) -> None:
        jobs, made, entered = _Jobs(facts, ground), make(), anyio.Event()
        cut = Cut(ground, (0.0, 0.5, 1.0, 1.5))

        async def block() -> None:
            async with made:
                entered.set()
                await ground.sleep(10)

        async def owner() -> None:
            try:
                await cut.off(block)
            finally:
                entered.set()

        async def caller() -> None:
            await entered.wait()
            try:
                await jobs.ask(made, 1)
            except ConformanceError:
                raise
            except _TURNED_AWAY:
                await ground.step()

        await ground.run(owner, cut.strike, *[caller] * (facts.limit + 1))
        if jobs.inside:
            raise ConformanceError(f"the callers were gone, and {jobs.inside} jobs ran on")

    return scenario


def _first_come(facts: _Facts) -> Scenario:
    """Have workers free at one instant after another, for callers that came one by one."""

    async def scenario(make: Make, ground: Ground) -> None:
        order = FirstInFirstOut()
        async with holding(order), _entered(facts, make, ground) as (made, jobs):

            async def caller(moment: float) -> None:
                await ground.sleep(moment)
                order.came(f"who came at {moment:g}")
                job = jobs.make(facts.limit)

                async def serve() -> None:
                    order.served(f"who came at {moment:g}")
                    await job()

                await call(made.run, serve)

            await ground.run(
                *(partial(jobs.ask, made, 1 + number) for number in range(facts.limit)),
                *(partial(caller, moment) for moment in (0.125, 0.25, 0.375, 0.5, 1, 2)),
            )

    return scenario


def pool(
    factory: Make,
    *,
    limit: int = 2,
    leaving: Literal["waits", "cancels"] = "waits",
    **options: Unpack[Options],
) -> Report:
    """Examine a pool of tasks: ``async with`` it, ``await run(function)``.

    ``run`` calls an async function in one of ``limit`` workers, whatever those are, and returns
    what it returns. ``leaving`` the block waits for all calls that were made, those in line as
    well, or cancels them. Pools of threads are no subject of this kit: what threads do is real,
    and not to be explored.

    Promises: ``limit``, never more calls at once; ``busy``, nor fewer while some wait;
    ``results``, to each its own; ``errors``, likewise, and they cost no worker; ``cancelled``,
    nor does a cancelled caller; ``closing``, nothing runs on when the block has been left;
    ``refuses``, nor begins; ``left early``, a block that is cancelled leaves no caller waiting
    for ever; ``fair``, first come first served.

    Raises:
        UsageError: ``limit`` is not a whole number from 1 to 20, or ``leaving`` something else.
    """
    check_count("limit", limit, _LIMIT_MAX)
    check_choice("leaving", leaving, "waits", "cancels")
    facts = _Facts(limit, leaving)
    promises = (
        Promise("limit", _never_more(facts), stalls=True),
        Promise("busy", _works_as_much(facts)),
        Promise("results", _answers_come_back(facts), stalls=True),
        Promise("errors", _errors_come_back(facts)),
        Promise("cancelled", _cancelled_callers_free_their_workers(facts)),
        Promise("closing", _leaves_nothing_running(facts)),
        Promise("refuses", _refuses_when_left(facts)),
        Promise("left early", _tells_its_callers(facts)),
        Promise("fair", _first_come(facts)),
    )
    polling = [replace(promise, steps=POLLING) for promise in promises]
    return examine("pool", factory, ("run", "__aenter__", "__aexit__"), polling, options)
