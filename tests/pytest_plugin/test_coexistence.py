import signal
import subprocess
import sys

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

HANG = """
import asyncio, pytest

@pytest.mark.timeout(1)
@pytest.mark.simulate(backend=BACKEND)
async def test_hang():
    import anyio
    async def spin():
        await anyio.sleep(0)
        while True:
            pass
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 1)
        group.start_soon(spin)
"""


def test_workers_of_xdist_take_the_options_and_send_the_report(suite):
    suite.write(RACE, "test_one")
    suite.write(RACE, "test_two")
    result = suite.run_apart("-n", "2", "--schedules", "150", "--seed=3")

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*simclock: found on asyncio *", "*replay: pytest test_*.py::test_counter --replay*"]
    )
    assert len(list((suite.pytester.path / ".simclock" / "failures").glob("*.json"))) == 2


def test_what_is_said_of_stored_schedules_comes_through_xdist(suite):
    suite.write(RACE)
    suite.run("--seed=1").assert_outcomes(failed=1)
    suite.write(RACE.replace("if pause:", "if False:"))
    result = suite.run_apart("-n", "1")

    result.stdout.fnmatch_lines(["test_it.py::test_counter: a stored failing schedule no longer *"])


def test_the_alarm_of_pytest_timeout_ends_a_hanging_run_with_its_schedule_told(suite):
    for backend in ("asyncio", "trio"):
        suite.write(HANG.replace("BACKEND", repr(backend)))
        result = suite.run_apart()

        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            [
                "Timeout (>1.0s) from pytest-timeout.",
                "simclock: interrupted after 0 schedules, *: at step * `spin` was running (t=0s).",
                f"replay: pytest test_it.py::test_hang --replay 's1:{backend}:*'",
            ]
        )


def test_the_alarm_ends_a_long_exploration(suite):
    suite.write(
        """
        import asyncio, pytest
        @pytest.mark.timeout(1)
        @pytest.mark.simulate(schedules=10_000_000)
        async def test_long():
            await asyncio.sleep(1)
        """
    )
    result = suite.run_apart()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["Timeout (>1.0s) from pytest-timeout.", "simclock: interrupted *"])


def test_an_interrupt_undoes_what_is_set_up_and_ends_the_session(suite):
    suite.write(
        """
        import asyncio, os, pytest
        @pytest.fixture(scope="session", autouse=True)
        def outside():
            yield
            print("OUTSIDE UNDONE", "MARK" in os.environ)
        @pytest.mark.simulate
        async def test_it(monkeypatch):
            monkeypatch.setenv("MARK", "1")
            await asyncio.sleep(1)
            raise KeyboardInterrupt
        """
    )
    result = suite.run_apart("-s")

    assert result.ret == 2
    result.stdout.fnmatch_lines(["*OUTSIDE UNDONE False*"])


def test_an_interrupt_of_the_process_ends_an_exploration_at_once(suite):
    suite.write(
        """
        import asyncio, pytest
        @pytest.mark.simulate(schedules=10_000_000)
        async def test_long():
            print("running", flush=True)
            await asyncio.sleep(1)
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider"],
        cwd=suite.pytester.path,
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if "running" in line:
            process.send_signal(signal.SIGINT)
            break
    output = process.communicate(timeout=60)[0]

    assert process.returncode == 2
    assert "KeyboardInterrupt" in output


def test_without_the_other_plugins_the_marker_works_alone(suite):
    suite.pytester.makeini("[pytest]\nfilterwarnings = error\n")
    suite.write(RACE)
    others = ("asyncio", "trio", "anyio", "xdist", "timeout", "hypothesispytest")
    result = suite.run_apart(*(f"-pno:{name}" for name in others))

    result.assert_outcomes(failed=1)
