"""What a new user reads when an exploration fails, on programs that fail in ordinary ways."""

import asyncio

import pytest

import simclock


def report(program, **options):
    failure = simclock.explore(program, on_failure="return", **options).failure
    assert failure is not None
    return failure.report()


def test_a_failure_without_any_deviation_is_told_as_one():
    async def main():
        await asyncio.sleep(1)
        raise ValueError

    told = report(main)

    assert "found on asyncio at once, with 0 deviations in " in told
    assert " steps: the calm schedule, with nothing out of order." in told
    assert "except:" not in told


def test_a_deadlock_names_what_each_task_waits_in():
    async def main():
        one, two = asyncio.Lock(), asyncio.Lock()

        async def hold_both(first, second):
            async with first:
                await asyncio.sleep(1)
                async with second:
                    pass

        await asyncio.gather(hold_both(one, two), hold_both(two, one))

    told = report(main)

    assert "hold_both    waits in Lock.acquire since t=1s at " in told
    assert "main         waits for a future since t=0s at " in told


def test_a_deadlock_inside_a_library_names_the_line_that_called_it():
    aiojobs = pytest.importorskip("aiojobs", reason="the report on libraries goes unchecked")

    async def main():
        scheduler = aiojobs.Scheduler(wait_timeout=None)
        job = await scheduler.spawn(asyncio.Event().wait())
        await job.wait()

    told = report(main)

    (line,) = [line for line in told.splitlines() if line.startswith("  main ")]
    assert " at aiojobs/_job.py:" in line
    assert ", called at " in line
    assert "test_reports.py:" in line


def test_a_timer_that_ticks_for_ever_does_not_hide_who_waits():
    async def main():
        loop = asyncio.get_running_loop()

        def tick():
            loop.call_later(1, tick)

        tick()
        await asyncio.Event().wait()

    told = report(main, limits=simclock.Limits(steps=1_000))

    assert "while these wait\n  main  since t=0s at " in told


def test_a_wide_table_names_the_tasks_that_it_leaves_out():
    async def main():
        async def step(number):
            await asyncio.sleep(number)

        await asyncio.gather(*(step(number) for number in range(12)))
        raise ValueError

    told = report(main)

    assert "  not shown: step, step-2" in told


def test_the_order_of_the_stock_loop_is_claimed_only_for_schedules_that_keep_it():
    async def main():
        log = []

        async def write(letter):
            await asyncio.sleep(0)
            log.append(letter)

        await asyncio.gather(write("a"), write("b"))
        assert log == ["a", "b"]

    told = report(main)

    assert "reorder='tasks'" in told
    assert "this can happen on it as it is" not in told
