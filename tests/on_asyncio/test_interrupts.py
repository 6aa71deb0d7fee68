"""KeyboardInterrupt and SystemExit end a run at once, from wherever they are raised."""

from __future__ import annotations

import asyncio

import pytest

import simclock
from simclock.on_asyncio import new_event_loop
from simclock.simulation import current

INTERRUPTS = [KeyboardInterrupt, SystemExit]


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_it_comes_out_of_main(interrupt) -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        raise interrupt

    with pytest.raises(interrupt):
        simclock.run(main)

    assert current.here() is None


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_it_comes_out_of_another_task(interrupt) -> None:
    cleaned: list[str] = []

    async def other() -> None:
        raise interrupt

    async def main() -> None:
        task = asyncio.create_task(other())
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("main")
            del task

    with pytest.raises(interrupt):
        simclock.run(main)

    assert cleaned == ["main"]


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_it_comes_out_of_a_callback(interrupt) -> None:
    def callback() -> None:
        raise interrupt

    async def main() -> None:
        asyncio.get_running_loop().call_later(1, callback)
        await asyncio.sleep(60)

    with pytest.raises(interrupt):
        simclock.run(main)


@pytest.mark.parametrize("interrupt", INTERRUPTS)
@pytest.mark.parametrize("debug", [False, True])
def test_a_loop_can_go_on_after_it(interrupt, debug) -> None:
    loop = new_event_loop()
    loop.set_debug(debug)
    ran: list[int] = []

    def callback() -> None:
        raise interrupt

    loop.call_soon(callback)
    loop.call_soon(ran.append, 1)
    with pytest.raises(interrupt):
        loop.run_forever()
    assert not loop.is_running()
    loop.run_until_complete(asyncio.sleep(1))
    loop.close()

    assert ran == [1]


def test_a_cancelled_error_of_mains_own_is_raised_as_it_is() -> None:
    async def main() -> None:
        raise asyncio.CancelledError("on purpose")

    with pytest.raises(asyncio.CancelledError, match="on purpose"):
        simclock.run(main)


def test_a_base_exception_of_mains_own_is_raised_as_it_is() -> None:
    class Enough(BaseException):
        pass

    async def main() -> None:
        raise Enough

    with pytest.raises(Enough):
        simclock.run(main)


def test_explore_does_not_swallow_an_interrupt() -> None:
    async def main() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simclock.explore(main, schedules=3)
