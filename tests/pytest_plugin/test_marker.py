from simclock import Deviation, Kind, Schedule

RACE = """
import asyncio, pytest

@pytest.mark.simulate(schedules=200)
async def test_counter():
    count = 0
    async def add(pause):
        nonlocal count
        await asyncio.sleep(0)
        seen = count
        if pause:
            await asyncio.sleep(0)
        count = seen + 1
    async with asyncio.TaskGroup() as group:
        group.create_task(add(False))
        group.create_task(add(True))
    assert count == 2
"""


def test_a_race_is_found_with_the_tests_own_assertion_and_a_command_that_replays_it(suite):
    suite.write(RACE)
    result = suite.run()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       assert count == 2",
            "E       assert 1 == 2",
            "*simclock: found on asyncio as schedule *",
            "*replay: pytest test_it.py::test_counter --replay 's1:asyncio:*'",
        ]
    )
    result.stdout.no_fnmatch_line("*simulating.py*")
    result.stdout.no_fnmatch_line("*exploration*")


def test_the_printed_command_fails_the_same_way_and_another_schedule_passes(suite):
    suite.write(RACE)
    text = suite.replay_text(suite.run())

    again = suite.run("test_it.py::test_counter", "--replay", text)
    calm = suite.run("test_it.py::test_counter", "--replay", "s1:asyncio:0:-:234d22dd")

    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["E       assert 1 == 2", "*simclock: replayed on asyncio*"])
    calm.assert_outcomes(passed=1)


def test_a_schedule_that_no_longer_fits_says_at_which_step(suite):
    suite.write(RACE)
    text = str(Schedule("asyncio", 0, (Deviation(1, Kind.RUN, 7),)))
    result = suite.run("--replay", text)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["ReplayDivergedError: step *: the schedule says *"])


def test_the_command_line_overrides_the_marker(suite):
    suite.write(
        """
        import pytest
        runs = []
        @pytest.mark.simulate(schedules=500, seed=1, scheduler="pct:3")
        async def test_one(simulation):
            runs.append(simulation.seed)
        def test_count():
            assert len(runs) <= 6 and 77 in runs and 1 not in runs
        """
    )

    suite.run("--schedules", "4", "--seed=77", "--scheduler", "random").assert_outcomes(passed=2)


def test_the_closest_marker_decides_each_option(suite):
    suite.write(
        """
        import pytest
        pytestmark = pytest.mark.simulate(schedules=3, backend="trio")
        runs = []
        @pytest.mark.simulate(schedules=2)
        async def test_one(simulation):
            runs.append(simulation.backend)
        @pytest.mark.skip
        async def test_two(): ...
        @pytest.fixture(scope="module", autouse=True)
        def after():
            yield
            assert set(runs) == {"trio"} and len(runs) <= 4
        """
    )

    suite.run().assert_outcomes(passed=1, skipped=1)


def test_a_test_is_explored_on_each_backend_that_its_marker_names(suite):
    suite.write(
        """
        import anyio, pytest
        @pytest.mark.simulate(schedules=20, backend=("asyncio", "trio"))
        async def test_both(simulation):
            await anyio.sleep(1000)
            assert simulation.backend == "asyncio", simulation.backend
        """
    )
    result = suite.run()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E       AssertionError: trio", "*--replay 's1:trio:*'"])


def test_a_verdict_is_shown_without_lines_that_did_not_raise_it(suite):
    suite.write(
        """
        import asyncio, pytest
        @pytest.mark.simulate
        async def test_stuck():
            await asyncio.Event().wait()
        """
    )
    result = suite.run()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "DeadlockError: nothing can run and no timer is pending *",
            "*test_stuck  waits in Event.wait since t=0s at test_it.py:4",
            "replay: pytest test_it.py::test_stuck --replay 's1:*'",
            "FAILED test_it.py::test_stuck - DeadlockError: nothing can run*",
        ]
    )
    result.stdout.no_fnmatch_line("*hidden*")


def test_a_cause_survives(suite):
    suite.write(
        """
        import pytest
        @pytest.mark.simulate(schedules=5)
        async def test_cause():
            try:
                {}["missing"]
            except KeyError as error:
                raise ValueError("no such key") from error
        """
    )

    suite.run().stdout.fnmatch_lines(
        ["E * KeyError: 'missing'", "*direct cause*", "E * ValueError: no such key"]
    )


def test_skip_and_xfail_end_the_exploration_as_they_end_a_test(suite):
    suite.write(
        """
        import asyncio, pytest
        runs = []
        @pytest.mark.simulate
        async def test_skips():
            runs.append(1)
            await asyncio.sleep(1)
            pytest.skip("not today")
        @pytest.mark.simulate(backend="trio")
        async def test_skips_in_a_nursery():
            import trio
            async def skips():
                pytest.skip("nor here")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(skips)
        @pytest.mark.simulate
        async def test_is_expected_to_fail():
            pytest.xfail("known")
        @pytest.mark.xfail(raises=ZeroDivisionError, strict=True)
        @pytest.mark.simulate
        async def test_divides():
            1 / 0
        def test_count():
            assert len(runs) == 1
        """
    )

    suite.run().assert_outcomes(skipped=2, xfailed=2, passed=1)


def test_pytest_fail_is_a_failure_like_any_other(suite):
    suite.write(
        """
        import pytest
        @pytest.mark.simulate(schedules=5)
        async def test_fails():
            pytest.fail("on purpose")
        """
    )

    suite.run().stdout.fnmatch_lines(["E       Failed: on purpose", "*replay: pytest *"])


def test_only_the_output_of_the_failing_run_is_shown(suite):
    suite.write(
        """
        import logging, pytest
        @pytest.mark.simulate(schedules=50)
        async def test_prints(simulation):
            print("a line of one run")
            logging.getLogger().warning("a log of one run")
            assert simulation.seed == 0 or simulation.seed % 5
        """
    )
    output = suite.run().stdout.str()

    assert output.count("\na line of one run") == 1
    assert output.count("a log of one run") <= 3


def test_misuse_is_answered_with_what_would_be_right(suite):
    suite.write(
        """
        import pytest
        @pytest.mark.simulate
        def test_sync(): ...
        @pytest.mark.simulate(schedule=5)
        async def test_unknown(): ...
        @pytest.mark.simulate(5)
        async def test_positional(): ...
        @pytest.mark.simulate(schedules=0)
        async def test_none(): ...
        @pytest.mark.simulate
        async def test_generator():
            yield
        @pytest.mark.simulate(backend="curio")
        async def test_backend(): ...
        def test_outside(simulation): ...
        """
    )
    result = suite.run()

    result.assert_outcomes(errors=5, failed=2)
    for line in (
        "@pytest.mark.simulate is for async tests, and test_sync is not one: write 'async def test_sync'",
        "@pytest.mark.simulate takes no 'schedule'; it takes schedules, scheduler, *",
        "@pytest.mark.simulate(5) takes options by name: write schedules=5",
        "schedules is a whole number >= 1, not 0",
        "test_generator is an async generator: *",
        "backend is 'asyncio', 'trio' or a tuple of both, not 'curio'",
        "*fixture 'simulation' is for simulated tests, and test_outside is not one: *",
    ):
        result.stdout.fnmatch_lines([line])


def test_options_that_cannot_be_meant_end_the_session_with_a_sentence(suite):
    suite.write(RACE)

    for arguments, sentence in (
        (["--schedules=0"], "*--schedules takes a whole number >= 1, not 0*"),
        (["--scheduler=magic"], "*no scheduler is named 'magic'*"),
        (["--replay=s1:x"], "*the schedule is cut*"),
        (["--simulate=0"], "*--simulate=N takes a whole number >= 1*"),
    ):
        result = suite.run(*arguments)
        assert result.ret == 4
        result.stderr.fnmatch_lines([sentence])


def test_replay_wants_exactly_one_test(suite):
    suite.write(RACE + RACE.replace("test_counter", "test_other"))
    result = suite.run("--replay", "s1:asyncio:0:-:234d22dd")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--replay is for one simulated test, and 2 were collected*"])


def test_a_failing_schedule_is_kept_tried_first_and_forgotten_when_it_passes(suite):
    suite.write(RACE)
    suite.run().assert_outcomes(failed=1)
    kept = list((suite.pytester.path / ".simclock" / "failures").glob("*.json"))
    second = suite.run("--schedules=1")
    suite.write(RACE.replace("if pause:", "if False:"))
    third = suite.run("--schedules=1")

    assert len(kept) == 1
    second.assert_outcomes(failed=1)
    second.stdout.fnmatch_lines(["*simclock: replayed on asyncio*"])
    third.assert_outcomes(passed=1)
    third.stdout.fnmatch_lines(
        ["test_it.py::test_counter: a stored failing schedule no longer * forgotten*"]
    )
    assert not kept[0].exists()


def test_cancellation_hits_the_body_of_a_test_and_never_its_fixtures(suite):
    suite.write(
        """
        import anyio, pytest
        undone = []
        @pytest.fixture
        async def server():
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep_forever)
                await anyio.sleep(1)
                yield
                await anyio.sleep(1)
                undone.append(True)
                group.cancel_scope.cancel()
        @pytest.mark.simulate(schedules=60, cancel=True, backend=("asyncio", "trio"))
        async def test_it(server):
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 1)
                await anyio.sleep(3)
        @pytest.mark.simulate(schedules=60, cancel=True)
        async def test_shielded(server):
            try:
                await anyio.sleep(3)
            except BaseException:
                raise RuntimeError("cancelled") from None
        """
    )
    result = suite.run()

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["E * RuntimeError: cancelled", "*a cancellation hits `test_shielded`*"]
    )
