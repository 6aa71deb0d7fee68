"""Kits for calls in which tasks meet: event, condition, barrier."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal, Unpack

from properties.conformance.ground import Ground, call
from properties.conformance.kit import Make, Options, Promise, Scenario, examine
from properties.conformance.verdicts import ConformanceError, Report
from properties.linearizability import Recorder, assert_linearizable
from properties.models import BarrierModel, ConditionModel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["barrier", "condition", "event"]

_ROUNDS_MAX: Final = 20


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


def condition(
    factory: Make,
    **options: Unpack[Options],
) -> Report:
    """Examine a condition: ``acquire()``, ``release()``, ``wait()``, ``notify()``.

    Promises: ``sequential``, all calls have an order that a condition explains; ``notified``, a
    notification is not lost to a wait that gives up; ``locked``, a wait ends with the lock held.
    """
    promises = (
        Promise("sequential", _condition_is_sequential),
        Promise("notified", _no_notification_is_lost, stalls=True),
        Promise("locked", _wait_ends_with_the_lock, stalls=True),
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
            if passed + failed < parties - 1:
                with suppress(Exception):
                    await call(made.wait)

        await ground.run(impatient, *[patient] * (parties - 1), latecomer)
        if passed and failed:
            raise ConformanceError(f"the barrier broke for {failed} and opened for {passed}")
        if failed and cut_off == "steps back":
            raise ConformanceError(f"one gave up, and the barrier broke for {failed}")

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
    ``"breaks"`` it for all others or ``"steps back"``, and never leaves it open for some.
    """
    promises = (
        Promise("opens", _opens_for_all(parties, places=places)),
        Promise("closed", _opens_for_no_fewer(parties), stalls=True),
        Promise("timeouts", _one_gives_up(parties, cut_off)),
    )
    return examine("barrier", factory, ("wait",), promises, options)
