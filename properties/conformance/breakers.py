"""Kit for what stops calling a service that keeps failing: circuit breaker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Unpack, final

import simclock
from properties.conformance.calls import Cut, call
from properties.conformance.checks import check_count, check_error, check_number, check_seconds
from properties.conformance.ground import Ground
from properties.conformance.kit import Make, Options, Promise, Scenario, examine
from properties.conformance.verdicts import ConformanceError, Report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    _Play = Callable[["_Line", "_Facts", Ground], Awaitable[None]]

__all__ = ["circuit_breaker"]

# Seconds: what breakers lose when they add and subtract floats.
_ROUNDING: Final = 1e-6
_TIMEOUT_MIN: Final = 100 * _ROUNDING
_COUNT_MAX: Final = 50


@final
@dataclass(frozen=True, slots=True)
class _Facts:
    """What the subject is said to be."""

    threshold: int
    timeout: float
    probes: int
    error: type[Exception]


@final
class _Line:
    """A breaker, the service behind it, and what came of the calls."""

    def __init__(self, facts: _Facts, made: Any, ground: Ground) -> None:
        self._facts, self._made, self._ground = facts, made, ground
        # When the service last began and last failed, and when the caller had been told so.
        self._began_at = self._failed_at = self._told_at = 0.0

    async def call(
        self, *, fails: bool = False, seconds: float = 0.0, answer: Any = "up", bare: bool = False
    ) -> bool:
        """Call the service through the breaker; tell whether the breaker let the call pass.

        A failure may arrive as another error that the breaker makes of it, unless ``bare``.
        """
        failure, began = self._facts.error("the service is down"), False

        async def serve() -> object:
            nonlocal began
            if began:
                raise ConformanceError("one call was made twice")
            began, self._began_at = True, _now()
            await (self._ground.sleep(seconds) if seconds else self._ground.step())
            if not fails:
                return answer
            self._failed_at = _now()
            raise failure

        try:
            got = await call(self._made.call, serve)
        except Exception as raised:
            if began and raised is not failure and (bare or not fails):
                raise
            self._told_at = _now()
            return began
        if fails or not began or got is not answer:
            did = ("answered", "failed")[fails] if began else "was not called"
            raise ConformanceError(f"the service {did}, and {got!r} came back")
        return True

    async def must_pass(self, when: str, **how: Any) -> None:
        """Call, and raise if the breaker refuses."""
        if not await self.call(**how):
            raise ConformanceError(f"a call was refused {when}")

    async def must_refuse(self, when: str) -> None:
        """Call, and raise if the breaker lets it pass."""
        if await self.call():
            raise ConformanceError(f"a call was let through {when}")

    async def fail(self, count: int, **how: Any) -> None:
        """Fail ``count`` times in a row, as often as opens the breaker or less."""
        for number in range(1, count + 1):
            await self.must_pass(f"after {number - 1} failures", fails=True, **how)

    async def recover(self, missing: int = 0) -> None:
        """Have as many probes succeed as close the breaker, but for those ``missing``."""
        for number in range(1, self._facts.probes + 1 - missing):
            await self.must_pass(f"as probe {number}, though the timeout was over")

    async def one_passes(self, when: str) -> None:
        """Make some calls at once, and one later; raise unless the first alone is let through."""
        passed: list[float] = []

        async def caller(share: float) -> None:
            await self.wait(share)
            if await self.call(seconds=self._facts.timeout / 2):
                passed.append(share)

        await self._ground.run(*(partial(caller, share) for share in (0, 0, 0, 0.25)))
        if len(passed) != 1:
            raise ConformanceError(f"{len(passed)} calls were let through at once {when}, not one")

    async def all_pass(self, when: str) -> None:
        """Make some calls at once, and raise unless all are let through."""
        await self._ground.run(*[partial(self.must_pass, when, seconds=0.5)] * 3)

    async def stays_open(self) -> None:
        """Call until a call passes: not before the timeout is over, and none is refused then."""
        soonest = self._failed_at + self._facts.timeout - _ROUNDING
        latest = self._told_at + self._facts.timeout + _ROUNDING
        refused_late = False
        while True:
            since = _now()
            if await self.call():
                if self._began_at < soonest:
                    raise ConformanceError(
                        f"a call was let through at t={self._began_at:g}s, and the breaker was "
                        f"to be open until t={soonest:g}s"
                    )
                return
            if since > latest and not refused_late:
                # A breaker with a timer may not have heard of it: what is due now comes first.
                refused_late = True
                await self._ground.settle()
                continue
            if refused_late:
                raise ConformanceError(
                    f"a call was refused at t={since:g}s, and the breaker was to be open until "
                    f"t={latest:g}s"
                )
            await self.wait(0.3)

    async def cut_off(self) -> None:
        """Make a call that takes long, and have it cut off."""
        timeout = self._facts.timeout
        cut = Cut(self._ground, (0.0, timeout / 2))
        await self._ground.run(
            partial(cut.off, partial(self.call, seconds=100 * timeout)), cut.strike
        )

    async def wait(self, share: float) -> None:
        """Let ``share`` of the timeout pass."""
        await self._ground.sleep(share * self._facts.timeout)


def _now() -> float:
    return simclock.current().now


def _played(play: _Play, facts: _Facts) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        await play(_Line(facts, make(), ground), facts, ground)

    return scenario


async def _passes_through(line: _Line, facts: _Facts, ground: Ground) -> None:
    del ground
    for answer in (None, 0, object()):
        await line.must_pass("before any had failed", answer=answer)
    await line.fail(facts.threshold - 1, bare=True)
    await line.must_pass("after fewer failures than open it")
    await line.all_pass("after fewer failures than open it")


def _opens(facts: _Facts) -> Scenario:
    """Fail in turn, at the clock's very beginning, and at once; then keep calling."""

    async def scenario(make: Make, ground: Ground) -> None:
        for at_once in (False, True):
            line = _Line(facts, make(), ground)

            async def play(line: _Line = line, *, at_once: bool = at_once) -> None:
                if at_once:
                    await ground.run(
                        *[partial(line.fail, 1, seconds=facts.timeout / 2)] * facts.threshold
                    )
                else:
                    await line.fail(facts.threshold)
                await line.stays_open()

            await ground.run(play, partial(_clock, line))

    return scenario


async def _clock(line: _Line) -> None:
    """Give stalls something to pass to."""
    for _ in range(12):
        await line.wait(0.2)


async def _counts_failures_in_a_row(line: _Line, facts: _Facts, ground: Ground) -> None:
    del ground
    for _ in range(3):
        await line.fail(facts.threshold - 1)
        await line.must_pass("after fewer failures in a row than open it")


async def _tries_one(line: _Line, facts: _Facts, ground: Ground) -> None:
    del ground
    await line.fail(facts.threshold)
    await line.wait(1.1)
    await line.one_passes("when the timeout was over")


async def _closes(line: _Line, facts: _Facts, ground: Ground) -> None:
    del ground
    await line.fail(facts.threshold)
    await line.wait(1.1)
    if facts.probes == 1:
        await line.recover()
    else:
        await line.recover(missing=1)
        await line.one_passes(f"when {facts.probes - 1} probes had succeeded")
    await line.fail(facts.threshold - 1)
    await line.all_pass("after the probe had succeeded, and fewer had failed than open it anew")


async def _opens_anew(line: _Line, facts: _Facts, ground: Ground) -> None:
    async def play() -> None:
        await line.fail(facts.threshold)
        await line.wait(1.1)
        await line.recover(missing=1)
        await line.fail(1, seconds=facts.timeout / 2)
        await line.stays_open()

    await ground.run(play, partial(_clock, line))


async def _counts_probes_in_a_row(line: _Line, facts: _Facts, ground: Ground) -> None:
    del ground
    await line.fail(facts.threshold)
    for _ in range(2):
        await line.wait(1.1)
        await line.recover(missing=1)
        await line.fail(1)
    await line.wait(1.1)
    await line.recover(missing=1)
    await line.one_passes(f"when {facts.probes - 1} probes in a row had succeeded")


async def _disregards_early_stragglers(line: _Line, facts: _Facts, ground: Ground) -> None:
    async def play() -> None:
        await line.wait(0.1)
        await line.fail(facts.threshold)
        await line.wait(0.7)
        await line.must_refuse("after a success that began before the breaker opened")

    await ground.run(partial(line.call, seconds=facts.timeout / 2), play)


def _disregards_late_stragglers(*, fails: bool) -> _Play:
    """Have a call from before end while the probe is under way."""

    async def play(line: _Line, facts: _Facts, ground: Ground) -> None:
        async def caller() -> None:
            await line.wait(0.25)
            await line.must_refuse("while a probe was under way and a call from before had ended")

        async def others() -> None:
            await line.wait(0.1)
            await line.fail(facts.threshold)
            await line.wait(1.1)
            await line.recover(missing=1)
            probe = partial(line.must_pass, "as a probe", seconds=facts.timeout / 2)
            await ground.run(probe, caller)
            await line.all_pass("after the probe had succeeded")

        # It ends when the probe has begun, and before the caller comes.
        straggler = partial(line.call, fails=fails, seconds=1.3 * facts.timeout)
        await ground.run(straggler, others)

    return play


def _disregards_stragglers(facts: _Facts) -> Scenario:
    plays = (
        _disregards_early_stragglers,
        _disregards_late_stragglers(fails=False),
        _disregards_late_stragglers(fails=True),
    )

    async def scenario(make: Make, ground: Ground) -> None:
        for play in plays:
            await _played(play, facts)(make, ground)

    return scenario


async def _cancelled_calls_count_as_nothing(line: _Line, facts: _Facts, ground: Ground) -> None:
    del ground
    for _ in range(facts.threshold):
        await line.cut_off()
    await line.must_pass("after calls that did not fail but were cancelled")


async def _cancelled_probes_are_made_again(line: _Line, facts: _Facts, ground: Ground) -> None:
    """Give a cancelled probe a timeout: it may count as nothing, or as a failure."""
    del ground
    await line.fail(facts.threshold)
    await line.wait(1.1)
    await line.cut_off()
    await line.wait(1.1)
    await line.recover()
    await line.all_pass("after the probe had succeeded")


def circuit_breaker(
    factory: Make,
    *,
    threshold: int = 3,
    timeout: float = 10.0,
    probes: int = 1,
    error: type[Exception] = ConnectionError,
    **options: Unpack[Options],
) -> Report:
    """Examine a circuit breaker: ``call(function)``, which awaits ``function()`` or refuses to.

    It opens after ``threshold`` failures in a row, for ``timeout`` seconds, and closes after
    ``probes`` calls that succeeded; a failure is a function that raises ``error``. To refuse is
    to raise whatever it be without calling the function. Its clock has to be the loop's, or that
    of the module ``time``: others do not follow the simulation.

    Promises: ``closed``, results and errors pass as they are; ``opens``, it then refuses until
    the timeout is over, counted from the failure, and no longer; ``resets``, a success sets the
    count back; ``half-open``, one call at a time is let through as a probe; ``closes``, after
    its success all are; ``reopens``, after its failure none for another timeout; ``stragglers``,
    calls that began before it opened do not count any more; ``cancelled calls`` never do;
    ``cancelled probe``, there is another one, after another timeout at the latest; ``probes in a
    row``, if it takes several, those that succeeded before a failure do not count.

    Raises:
        UsageError: a count is not a whole number from 1 to 50, ``timeout`` is below a tenth
            of a millisecond or not finite, or ``error`` is not an exception class.
    """
    check_count("threshold", threshold, _COUNT_MAX)
    check_count("probes", probes, _COUNT_MAX)
    check_number("timeout", timeout)
    check_seconds("timeout", timeout, _TIMEOUT_MIN)
    check_error("error", error, Exception)
    facts = _Facts(threshold, timeout, probes, error)
    promises = [
        Promise("closed", _played(_passes_through, facts)),
        Promise("opens", _opens(facts), stalls=True),
        Promise("resets", _played(_counts_failures_in_a_row, facts)),
        Promise("half-open", _played(_tries_one, facts)),
        Promise("closes", _played(_closes, facts)),
        Promise("reopens", _played(_opens_anew, facts), stalls=True),
        Promise("stragglers", _disregards_stragglers(facts)),
        Promise("cancelled calls", _played(_cancelled_calls_count_as_nothing, facts)),
        Promise("cancelled probe", _played(_cancelled_probes_are_made_again, facts)),
    ]
    if probes > 1:
        promises.append(Promise("probes in a row", _played(_counts_probes_in_a_row, facts)))
    return examine("circuit breaker", factory, ("call",), promises, options)
