"""Kits for calls in which tasks meet: event, condition, barrier."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, Unpack

from properties.conformance.calls import Cut, call
from properties.conformance.checks import check_choice, check_count
from properties.conformance.ground import Ground
from properties.conformance.kit import Make, Options, Promise, Scenario, examine
from properties.conformance.verdicts import ConformanceError, Report
from properties.linearizability import Recorder, assert_linearizable
from properties.models import BarrierModel, ConditionModel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["barrier", "condition", "event"]

_ROUNDS_MAX: Final = 20
_PARTIES_MAX: Final = 20


async def _nobody_passes_before(make: Make, ground: Ground) -> None:
    made, raised, passed = make(), False, 0

    async def waiter() -> None:
        nonlocal passed
        await call(made.wait)
        if not raised:
            raise ConformanceError("a wait ended before the event was set")
        passed += 1

    async def setter() -> None:
        nonlocal raised
        await ground.step()
        raised = True
        await call(made.set)

    await ground.run(waiter, waiter, setter, waiter)


async def _everybody_passes(make: Make, ground: Ground) -> None:
    """Also who comes later, and whoever was cancelled meanwhile."""
    made = make()

    async def waiter() -> None:
        await call(made.wait)

    await call(made.set)
    await ground.run(waiter, waiter)
    await call(made.wait)


async def _cancelled_waits_leave_no_trace(make: Make, ground: Ground) -> None:
    made = make()
    done: list[str] = []

    async def impatient() -> None:
        await ground.give_up(1, made.wait)

    async def patient() -> None:
        await call(made.wait)
        done.append("patient")

    async def setter() -> None:
        await ground.sleep(1)
        await call(made.set)

    await ground.run(impatient, patient, setter, patient)
    if len(done) != 2:
        raise ConformanceError(f"two waited patiently, and {len(done)} got through")


def event(
    factory: Make,
    **options: Unpack[Options],
) -> Report:
    """Examine an event: ``set()`` and ``wait()``.

    Promises: ``closed``, nobody passes before it is set; ``open``, everybody passes afterwards;
    ``timeouts``, a wait that gives up leaves no trace.
    """
    promises = (
        Promise("closed", _nobody_passes_before),
        Promise("open", _everybody_passes, cancel=True),
        Promise("timeouts", _cancelled_waits_leave_no_trace, stalls=True),
    )
    return examine("event", factory, ("set", "wait"), promises, options)


async def _condition_is_sequential(make: Make, ground: Ground) -> None:
    made, recorder, done = make(), Recorder(), 0

    def recorded(name: str) -> Callable[[], Any]:
        async def run() -> None:
            await call(getattr(made, name))

        return lambda: recorder.call(name, run)

    acquire, release, wait, notify = map(recorded, ("acquire", "release", "wait", "notify"))

    async def waiter() -> None:
        nonlocal done
        await acquire()
        await wait()
        await ground.step()
        await release()
        done += 1

    async def notifier() -> None:
        # Notifications that come before anybody waits are nobody's: one for each round, until
        # both are through.
        for _ in range(_ROUNDS_MAX):
            await ground.step()
            await acquire()
            await notify()
            await ground.step()
            await release()
            if done == 2:
                return
            await ground.settle()

    await ground.run(waiter, waiter, notifier)
    assert_linearizable(recorder.history(), ConditionModel())


async def _no_notification_is_lost(make: Make, ground: Ground) -> None:
    """Let a waiter give up when a notification comes: it has it, or the other one has."""
    made, woken, patient_waits = make(), 0, False

    async def impatient() -> None:
        nonlocal woken
        await call(made.acquire)
        got = await ground.give_up(1, made.wait)
        woken += got
        await call(made.release)

    async def patient() -> None:
        nonlocal woken, patient_waits
        await ground.step()
        await call(made.acquire)
        patient_waits = True
        await call(made.wait)
        patient_waits = False
        woken += 1
        await call(made.release)

    async def notifier() -> None:
        await ground.sleep(1)
        for _ in range(_ROUNDS_MAX):
            await call(made.acquire)
            before, waits = woken, patient_waits
            await call(made.notify)
            await ground.step()
            await call(made.release)
            await ground.settle()
            if waits and woken == before:
                raise ConformanceError("a notification came while one waited, and woke nobody")
            if waits and not patient_waits:
                return

    await ground.run(impatient, patient, notifier)


async def _wait_ends_with_the_lock(make: Make, ground: Ground) -> None:
    made, inside = make(), 0

    async def waiter() -> None:
        nonlocal inside
        await call(made.acquire)
        try:
            await ground.give_up(1, made.wait)
        finally:
            inside += 1
            if inside > 1:
                raise ConformanceError("a wait ended without the lock: two are inside")
            inside -= 1
            await call(made.release)

    async def other() -> None:
        nonlocal inside
        for _ in range(2):
            await call(made.acquire)
            inside += 1
            await ground.sleep(1)
            inside -= 1
            await call(made.release)

    await ground.run(waiter, other, waiter)


async def _notify_all_wakes_everybody(make: Make, ground: Ground) -> None:
    """Wake three at once, if the object can."""
    made, woken = make(), 0
    if not hasattr(made, "notify_all"):
        return

    async def waiter() -> None:
        nonlocal woken
        await call(made.acquire)
        await call(made.wait)
        woken += 1
        await call(made.release)

    async def notifier() -> None:
        await ground.settle()
        await call(made.acquire)
        await call(made.notify_all)
        await call(made.release)
        await ground.settle()
        if woken < 3:
            raise ConformanceError(f"three waited, and notify_all() woke {woken}")

    await ground.run(waiter, waiter, waiter, notifier)


async def _cancelled_as_it_takes_the_lock_back(make: Make, ground: Ground) -> None:
    """Cancel a wait that was notified while the lock is another's."""
    made = make()

    async def waiter() -> None:
        await call(made.acquire)
        try:
            ended = await ground.give_up(2, made.wait)
        finally:
            await call(made.release)
        # A scope's cancellation may be felt later; a native one comes once and is never back.
        if ended and ground.style == "asyncio":
            raise ConformanceError("a wait that was cancelled ended as if it had not been")

    async def notifier() -> None:
        await ground.sleep(1)
        await call(made.acquire)
        await call(made.notify)
        await ground.sleep(2)
        await call(made.release)

    await ground.run(waiter, notifier)


def condition(
    factory: Make,
    **options: Unpack[Options],
) -> Report:
    """Examine a condition: ``acquire()``, ``release()``, ``wait()``, ``notify()``.

    Promises: ``sequential``, all calls have an order that a condition explains; ``notified``, a
    notification is not lost to a wait that gives up; ``locked``, a wait ends with the lock held;
    ``everybody``, ``notify_all()``, if there is one, wakes all who wait; ``cancelled``, a wait that
    is cancelled as it takes the lock back has it, and has not swallowed the cancellation.
    """
    promises = (
        Promise("sequential", _condition_is_sequential),
        Promise("notified", _no_notification_is_lost, stalls=True),
        Promise("locked", _wait_ends_with_the_lock, stalls=True),
        Promise("everybody", _notify_all_wakes_everybody),
        Promise("cancelled", _cancelled_as_it_takes_the_lock_back),
    )
    return examine(
        "condition", factory, ("acquire", "release", "wait", "notify"), promises, options
    )


def _opens_for_all(parties: int, *, places: bool) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        made, recorder = make(), Recorder(cut_off="during")

        async def wait() -> Any:
            return await call(made.wait)

        async def party() -> None:
            await recorder.call("wait", wait)
            await recorder.call("wait", wait)

        await ground.run(*[party] * parties)
        assert_linearizable(recorder.history(), BarrierModel(parties, places=places))

    return scenario


def _opens_for_no_fewer(parties: int) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        made = make()

        async def party() -> None:
            opened = False
            # Whatever a broken barrier raises, it has not opened.
            with suppress(Exception):
                opened = await ground.give_up(10, made.wait)
            if opened:
                raise ConformanceError(f"the barrier opened for {parties - 1} of {parties}")

        await ground.run(*[party] * (parties - 1))

    return scenario


def _one_gives_up(parties: int, cut_off: Literal["breaks", "steps back"]) -> Scenario:
    async def scenario(make: Make, ground: Ground) -> None:
        made, passed, failed = make(), 0, 0

        async def impatient() -> None:
            with suppress(Exception):
                await ground.give_up(1, made.wait)

        async def patient() -> None:
            nonlocal passed, failed
            # At the very instant at which the other one gives up.
            await ground.sleep(1)
            try:
                await call(made.wait)
            except Exception:  # noqa: BLE001 - whatever a broken barrier raises
                failed += 1
            else:
                passed += 1

        async def latecomer() -> None:
            await ground.sleep(100)
            await ground.settle()
            await _come_late(made, parties - 1 - passed - failed, cut_off)

        await ground.run(impatient, *[patient] * (parties - 1), latecomer)
        if passed and failed:
            raise ConformanceError(f"the barrier broke for {failed} and opened for {passed}")
        if failed and cut_off == "steps back":
            raise ConformanceError(f"one gave up, and the barrier broke for {failed}")

    return scenario


async def _come_late(made: Any, waiting: int, cut_off: Literal["breaks", "steps back"]) -> None:
    if waiting and cut_off == "breaks":
        raise ConformanceError(f"one gave up, and {waiting} wait on")
    if waiting:
        with suppress(Exception):
            await call(made.wait)


def _one_is_cut_off(
    parties: int, *, places: bool, cut_off: Literal["breaks", "steps back"]
) -> Scenario:
    """Cut off any party at any moment: those who were counted pass, and nobody else does."""

    async def scenario(make: Make, ground: Ground) -> None:
        made, recorder, cut = make(), Recorder(cut_off="during"), Cut(ground)

        async def wait() -> Any:
            return await call(made.wait)

        async def recorded() -> Any:
            return await recorder.call("wait", wait)

        async def party() -> None:
            for _ in range(2):
                # Whatever a broken barrier raises, the history has it.
                with suppress(Exception):
                    await ground.give_up(100, recorded)

        async def victim() -> None:
            with suppress(Exception):
                await cut.off(partial(ground.give_up, 100, recorded))

        await ground.run(*[party] * parties, victim, cut.strike)
        model = BarrierModel(parties, places=places, cut_off=cut_off)
        assert_linearizable(recorder.history(), model)

    return scenario


def barrier(
    factory: Make,
    *,
    parties: int = 3,
    places: bool = True,
    cut_off: Literal["breaks", "steps back"] = "breaks",
    **options: Unpack[Options],
) -> Report:
    """Examine a barrier for ``parties``: ``wait()``.

    Promises: ``opens``, for all parties, round after round, and with ``places`` it returns the
    place of arrival; ``closed``, it opens for no fewer; ``timeouts``, a party that gives up
    ``"breaks"`` it for all others or ``"steps back"``, and never leaves it open for some; ``cut
    off``, a party that is cancelled at any moment has been counted, or has done that.

    Raises:
        UsageError: ``parties`` is not a whole number from 2 to 20, or ``cut_off`` something else.
    """
    check_count("parties", parties, _PARTIES_MAX, least=2)
    check_choice("cut_off", cut_off, "breaks", "steps back")
    promises = (
        Promise("opens", _opens_for_all(parties, places=places)),
        Promise("closed", _opens_for_no_fewer(parties), stalls=True),
        Promise("timeouts", _one_gives_up(parties, cut_off)),
        Promise("cut off", _one_is_cut_off(parties, places=places, cut_off=cut_off)),
    )
    return examine("barrier", factory, ("wait",), promises, options)
