"""Kit for what makes callers wait for their turn in time: rate limiter."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Unpack, final

import simclock
from properties.conformance.calls import Cut, call
from properties.conformance.checks import check_count, check_number, check_seconds
from properties.conformance.ground import Ground
from properties.conformance.kit import POLLING, Make, Options, Promise, Scenario, examine
from properties.conformance.verdicts import ConformanceError, Report
from properties.invariants import FirstInFirstOut, holding

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    _Task = Callable[[], Coroutine[Any, Any, None]]

__all__ = ["rate_limiter"]

# Seconds: what limiters lose when they add and divide floats.
_ROUNDING: Final = 1e-6
_INTERVAL_MIN: Final = 100 * _ROUNDING
_BURST_MAX: Final = 50


@final
@dataclass(frozen=True, slots=True)
class _Facts:
    """What the subject is said to be."""

    rate: float
    per: float
    burst: int
    grain: float

    @property
    def interval(self) -> float:
        """Seconds from one permit to the next."""
        return self.per / self.rate


@final
class _Takings:
    """When permits were had, and what that has to keep to."""

    def __init__(self, facts: _Facts, made: Any) -> None:
        self.facts, self.made = facts, made
        self.instants: list[float] = []

    async def take(self, count: int = 1) -> None:
        """Take ``count`` permits, one after the other."""
        for _ in range(count):
            await call(self.made.acquire)
            self.instants.append(_now())

    def taker(self, delay: float, ground: Ground, count: int = 1) -> _Task:
        """Return a task that comes after ``delay`` seconds and takes ``count`` permits."""

        async def run() -> None:
            await ground.sleep(delay)
            await self.take(count)

        return run

    def check_rate(self) -> None:
        """Raise if in any span of time there were more than burst and rate allow."""
        facts = self.facts
        for first, start in enumerate(self.instants):
            for last in range(first + facts.burst, len(self.instants)):
                count, span = last - first + 1, self.instants[last] - start
                allowed = facts.burst + (span + _ROUNDING) / facts.interval
                if count > allowed:
                    raise ConformanceError(
                        f"{count} permits within {span:g}s from t={start:g}s; burst and rate "
                        f"allow {math.floor(allowed)}"
                    )

    def check_pace(self, since: float, *, ahead: int = 0) -> None:
        """Raise if the n-th permit from ``since`` on came more than n intervals later.

        ``ahead`` is how many had been taken just before, for which some limiters stop.
        """
        facts = self.facts
        had = [instant for instant in self.instants if instant >= since]
        for number, instant in enumerate(had, 1 + ahead):
            due = since + number * (facts.interval + facts.grain) + _ROUNDING
            if instant > due:
                raise ConformanceError(
                    f"permit {number - ahead} from t={since:g}s on came at t={instant:g}s, "
                    f"and was due by {due:g}s"
                )


@asynccontextmanager
async def _limiter(facts: _Facts, make: Make) -> AsyncGenerator[_Takings]:
    """Make a limiter to take from, and close it if it can be closed."""
    made = make()
    yield _Takings(facts, made)
    close = getattr(made, "aclose", None) or getattr(made, "close", None)
    if close is not None:
        await call(close)


def _now() -> float:
    return simclock.current().now


def _keeps_the_rate(facts: _Facts) -> Scenario:
    """Have callers come in crowds, at three moments that each run draws anew."""

    async def scenario(make: Make, ground: Ground) -> None:
        draw = simclock.current().random("crowds")
        moments = [draw.randrange(16 * facts.burst) * facts.interval / 4 for _ in range(3)]
        async with _limiter(facts, make) as taken:
            await ground.run(
                *(
                    taken.taker(draw.choice(moments), ground, draw.randint(1, 2))
                    for _ in range(2 * facts.burst + 4)
                )
            )
            taken.check_rate()

    return scenario


def _is_not_idle(facts: _Facts) -> Scenario:
    """Let one caller always want more, then many at once."""

    async def scenario(make: Make, ground: Ground) -> None:
        count = 2 * facts.burst + 4
        for takers, each in ((1, count), (count, 1)):
            async with _limiter(facts, make) as taken:
                since = _now()
                await ground.run(*[taken.taker(0, ground, each)] * takers)
                taken.check_rate()
                taken.check_pace(since)

    return scenario


def _bursts(facts: _Facts) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        async with _limiter(facts, make) as taken:
            await taken.take(facts.burst + 1)
            await ground.sleep(2 * facts.burst * facts.interval)
            since = _now()
            await ground.run(*[taken.take] * facts.burst)
            late = _now() - since
        if late > facts.grain + _ROUNDING:
            raise ConformanceError(f"{facts.burst} permits after a pause took {late:g}s, not none")

    return scenario


def _hoards_nothing(facts: _Facts) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        async with _limiter(facts, make) as taken:
            await taken.take()
            await ground.sleep(1_000 * facts.burst * facts.interval)
            await ground.run(*[taken.take] * (facts.burst + 3))
            taken.check_rate()

    return scenario


def _first_come(facts: _Facts) -> Scenario:
    """Have callers come one by one, some of them at the instants at which permits do."""

    async def scenario(make: Make, ground: Ground) -> None:
        order = FirstInFirstOut()
        async with holding(order), _limiter(facts, make) as taken:
            await taken.take(facts.burst)

            def caller(moment: float) -> _Task:
                async def run() -> None:
                    await ground.sleep(moment * facts.interval)
                    order.came(f"who came at {moment:g}")
                    await taken.take()
                    order.served(f"who came at {moment:g}")

                return run

            await ground.run(*map(caller, (0.125, 0.25, 0.375, 0.5, 1, 2)))

    return scenario


def _waits_cost_nothing(facts: _Facts, *, timeouts: bool) -> Scenario:
    """Cut off more waits than there are permits in a burst: nobody pays for them."""
    crowd = facts.burst + 1

    async def scenario(make: Make, ground: Ground) -> None:
        async with _limiter(facts, make) as taken:
            await taken.take(facts.burst)
            since = _now()
            cut = Cut(ground, [half * facts.interval / 2 for half in range(2 * crowd)])

            async def cut_off() -> None:
                await cut.off(partial(ground.run, *[taken.take] * crowd))

            async def impatient() -> None:
                # Just when the first permit comes.
                await ground.give_up(facts.interval, taken.take)

            others = [impatient] * crowd if timeouts else [cut_off, cut.strike]
            await ground.run(taken.take, *others, taken.take)
            taken.check_rate()
            del taken.instants[: facts.burst]
            taken.check_pace(since, ahead=facts.burst - 1)

    return scenario


def rate_limiter(
    factory: Make,
    *,
    rate: float = 1.0,
    per: float = 1.0,
    burst: int = 1,
    grain: float = 0.0,
    **options: Unpack[Options],
) -> Report:
    """Examine a rate limiter: ``acquire()``, which waits for a permit that nobody gives back.

    ``rate`` permits come ``per`` so many seconds, and up to ``burst`` at once after a pause;
    ``grain`` is by how many seconds each may be late, for a limiter that looks at its clock from
    time to time. A leaky or token bucket of n permits has ``burst=n``, as has a window of n.
    A limiter that has ``aclose()`` or ``close()`` is closed in the end.

    Promises: ``rate``, in any span of ``t`` seconds at most ``burst + t * rate / per`` permits;
    ``late``, also if time passes before those whose turn it is can run; ``busy``, whoever always
    wants more has the n-th by ``n * per / rate``; ``burst``, that many at once after a pause;
    ``no hoarding``, and no more after a long one; ``fair``, first come first served; ``cancelled``
    and ``timeouts``, a wait that is cut off costs no permit and is in nobody's way.

    Raises:
        UsageError: a number is not above 0 and finite (``grain`` not below 0), ``per / rate`` is
            below a tenth of a millisecond, or ``burst`` is not a whole number from 1 to 50.
    """
    check_number("rate", rate)
    check_number("per", per)
    check_seconds("per / rate, from one permit to the next,", per / rate, _INTERVAL_MIN)
    check_count("burst", burst, _BURST_MAX)
    check_number("grain", grain, zero=True)
    facts = _Facts(rate, per, burst, grain)
    promises = (
        Promise("rate", _keeps_the_rate(facts)),
        Promise("late", _keeps_the_rate(facts), stalls=True),
        Promise("busy", _is_not_idle(facts)),
        Promise("burst", _bursts(facts)),
        Promise("no hoarding", _hoards_nothing(facts)),
        Promise("fair", _first_come(facts)),
        Promise("cancelled", _waits_cost_nothing(facts, timeouts=False)),
        Promise("timeouts", _waits_cost_nothing(facts, timeouts=True)),
    )
    polling = [replace(promise, steps=POLLING) for promise in promises]
    return examine("rate limiter", factory, ("acquire",), polling, options)
