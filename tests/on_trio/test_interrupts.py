"""Interrupts and exits end a run on trio; nothing hangs, and the next run works."""

from __future__ import annotations

import select
import signal
import threading

import pytest
import trio

from simclock.errors import DeadlockError
from simclock.kernel import Limits
from simclock.on_trio import new_clock


def next_run_works(run):
    async def main():
        await trio.sleep(1)
        return await trio.to_thread.run_sync(lambda: "fine")

    return run(main).value == "fine" and trio.run(trio.lowlevel.checkpoint) is None


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_exits_out_of_main_end_the_run_and_nothing_hangs(run, error):
    async def main():
        await trio.sleep(1)
        raise error

    assert isinstance(run(main).failure, error)
    assert next_run_works(run)


def test_an_exit_out_of_a_task_takes_its_siblings_along(run):
    unwound = []

    async def waiter():
        try:
            await trio.sleep_forever()
        finally:
            unwound.append(True)

    async def leave():
        await trio.sleep(1)
        raise SystemExit(3)

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(waiter)
            nursery.start_soon(leave)

    failure = run(main).failure

    assert isinstance(failure, BaseExceptionGroup)
    assert isinstance(failure.exceptions[0], SystemExit)
    assert unwound == [True]


def test_an_interrupt_reaches_whoever_runs(run):
    async def main():
        await trio.sleep(1)
        signal.raise_signal(signal.SIGINT)
        return "unreachable"

    assert isinstance(run(main).failure, KeyboardInterrupt)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert next_run_works(run)


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_an_interrupt_while_trio_works_reaches_main(run, seed):
    @trio.lowlevel.enable_ki_protection
    async def protected():
        await trio.sleep(1)
        signal.raise_signal(signal.SIGINT)
        await trio.sleep(1)

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(protected)
            await trio.sleep_forever()

    outcome = run(main, seed=seed)

    assert isinstance(outcome.failure, BaseExceptionGroup)
    assert isinstance(outcome.failure.exceptions[0], KeyboardInterrupt)
    assert outcome.simulation.now < 2


@pytest.mark.parametrize("backend_clock", [True, False])
def test_the_signal_is_given_back_however_the_run_ends(run, backend_clock):
    async def main():
        await trio.sleep_forever()

    before = signal.getsignal(signal.SIGINT)
    if backend_clock:
        with pytest.raises(DeadlockError):
            trio.run(main, clock=new_clock())
    else:
        assert isinstance(run(main).failure, DeadlockError)

    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_between_two_steps_is_not_lost(run):
    class Interrupting:
        name = "interrupting"
        asked = 0

        def begin(self, random, profile):
            """Nothing to prepare."""

        def pick(self, runnable):
            self.asked += 1
            if self.asked == 1:
                signal.raise_signal(signal.SIGINT)
            return 0

        def pick_timer(self, count):
            return 0

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(trio.sleep_forever)

    failure = run(main, scheduler=Interrupting()).failure

    assert isinstance(failure, BaseExceptionGroup)
    assert [type(e) for e in failure.exceptions] == [KeyboardInterrupt]


def test_an_interrupt_while_a_thread_is_waited_for_is_heard_at_once(run):
    release, main_thread = threading.Event(), threading.main_thread()

    def interrupt_and_hang():
        signal.pthread_kill(main_thread.ident, signal.SIGINT)
        while not release.is_set():
            select.select([], [], [], 0.01)

    async def main():
        await trio.to_thread.run_sync(interrupt_and_hang, abandon_on_cancel=True)

    outcome = run(main, limits=Limits(wall_time=60))
    release.set()

    assert isinstance(outcome.failure, KeyboardInterrupt)
