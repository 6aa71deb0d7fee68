ANYIO = """
import anyio, pytest
pytestmark = pytest.mark.anyio

@pytest.fixture
async def name(anyio_backend_name):
    await anyio.sleep(3600)
    yield anyio_backend_name
    await anyio.sleep(3600)

async def test_a_day(name):
    start = anyio.current_time()
    await anyio.sleep(86_400)
    assert anyio.current_time() - start == 86_400
"""

ASYNCIO = """
import asyncio, pytest_asyncio

@pytest_asyncio.fixture
async def value():
    await asyncio.sleep(3600)
    yield 7

@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared():
    yield asyncio.get_running_loop()
"""

ASYNCIO_STRICT = (
    ASYNCIO
    + """
import pytest

@pytest.mark.asyncio
async def test_a_day(value, shared):
    await asyncio.sleep(86_400)
    assert value == 7 and shared is asyncio.get_running_loop()
"""
)

ASYNCIO_AUTO = (
    ASYNCIO
    + """
async def test_a_day(value, shared):
    await asyncio.sleep(86_400)
    assert value == 7 and shared is asyncio.get_running_loop()
"""
)

TRIO = """
import pytest, trio

@pytest.fixture
async def server(nursery, autojump_clock):
    nursery.start_soon(trio.sleep_forever)
    await trio.sleep(3600)
    yield nursery

@pytest.mark.trio
async def test_a_day(server):
    server.start_soon(trio.sleep, 5)
    await trio.sleep(86_400)

@pytest.mark.trio
async def test_by_hand(mock_clock):
    mock_clock.jump(5)
    assert trio.current_time() > 4
"""

RACE = """
import anyio, pytest

@pytest.mark.anyio
async def test_race():
    order = []
    async def go(name):
        await anyio.sleep(1)
        order.append(name)
    async with anyio.create_task_group() as group:
        group.start_soon(go, "a")
        group.start_soon(go, "b")
    assert order == ["a", "b"]
"""


def test_a_suite_for_anyio_is_simulated_on_each_backend_of_its_parameter(suite):
    suite.write(ANYIO)

    suite.run("--simulate").assert_outcomes(passed=2)


def test_a_strict_and_an_automatic_suite_for_pytest_asyncio_are_simulated(suite):
    suite.write(ASYNCIO_STRICT)
    strict = suite.run("--simulate")
    suite.write(ASYNCIO_AUTO)
    automatic = suite.run("--simulate", "--asyncio-mode=auto")

    strict.assert_outcomes(passed=1)
    automatic.assert_outcomes(passed=1)


def test_a_suite_for_pytest_trio_is_simulated_but_for_clocks_moved_by_hand(suite):
    suite.write(TRIO)
    marked = suite.run("--simulate")
    suite.write(TRIO.replace("@pytest.mark.trio\n", ""))
    automatic = suite.run("--simulate", "-o", "trio_mode=true")

    marked.assert_outcomes(passed=2)
    automatic.assert_outcomes(passed=2)


def test_without_the_option_these_tests_run_as_ever(suite):
    suite.write(
        ANYIO.replace("3600", "0").replace("sleep(86_400)", "sleep(0)").replace("== 86_400", ">= 0")
    )

    suite.run().assert_outcomes(passed=2)


def test_the_backend_that_a_project_fixes_in_its_own_anyio_backend_is_used(suite):
    suite.write(
        ANYIO
        + """
@pytest.fixture
def anyio_backend():
    return "trio", {"restrict_keyboard_interrupt_to_checkpoints": True}

async def test_trio(name):
    import simclock
    assert name == "trio" == simclock.current().backend
"""
    )

    suite.run("--simulate").assert_outcomes(passed=2)


def test_a_marker_that_contradicts_anyio_backend_is_refused(suite):
    suite.write(
        """
        import pytest
        @pytest.mark.anyio
        @pytest.mark.simulate(backend="trio")
        async def test_it(): ...
        """
    )
    result = suite.run()

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["anyio_backend is 'asyncio' here, and the simulate marker says 'trio': *"]
    )


def test_paths_after_the_option_stay_paths(suite):
    suite.write(ANYIO, "test_one")
    suite.write(RACE, "test_two")

    suite.run("--simulate", "test_one.py").assert_outcomes(passed=2)
    suite.run("--simulate=3", "test_one.py").assert_outcomes(passed=2)
    suite.run("test_one.py", "--simulate").assert_outcomes(passed=2)
    suite.run("--simulate", "test_two.py::test_race").assert_outcomes(failed=2)


def test_a_failure_in_such_a_suite_is_replayed_with_the_option(suite):
    suite.write(RACE)
    found = suite.run("--simulate=200", "-k", "asyncio")
    text = suite.replay_text(found)
    again = suite.run("test_it.py::test_race[asyncio]", "--simulate", "--replay", text)
    forgotten = suite.run("test_it.py::test_race[asyncio]", "--replay", text)

    found.stdout.fnmatch_lines(
        ["*replay: pytest 'test_it.py::test_race[[]asyncio]' --simulate --replay 's1:*"]
    )
    again.assert_outcomes(failed=1)
    assert forgotten.ret == 4
    forgotten.stderr.fnmatch_lines(["*an unmarked one needs --simulate as well*"])


def test_each_example_of_hypothesis_is_explored_with_fresh_fixtures(suite):
    suite.write(
        """
        import asyncio, pytest, simclock
        from hypothesis import given, settings, strategies as st
        @pytest.fixture
        async def value():
            await asyncio.sleep(1)
            yield []
        @pytest.mark.simulate(schedules=200)
        @given(number=st.integers())
        @settings(database=None, deadline=None, max_examples=20)
        async def test_one(value, number):
            value.append(number)
            assert value == [number] and simclock.current().now == 1
        class TestIt:
            @pytest.mark.simulate
            @given(number=st.integers())
            @settings(database=None, deadline=None)
            async def test_two(self, number):
                await asyncio.sleep(1)
                assert number < 100
        @pytest.mark.asyncio
        @given(number=st.integers())
        @settings(database=None, deadline=None, max_examples=5)
        async def test_three(number):
            assert simclock.current()
        @pytest.mark.trio
        @given(number=st.integers())
        @settings(database=None, deadline=None, max_examples=5)
        async def test_four(number):
            assert simclock.current().backend == "trio"
        """
    )
    result = suite.run("--simulate")

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        ["E * assert 100 < 100", "E * Failing test case: test_two(", "*x=100*"][:2]
    )
