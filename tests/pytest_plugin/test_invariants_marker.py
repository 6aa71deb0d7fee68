"""The marker ``invariants`` has invariants watch a test, simulated or not."""

from __future__ import annotations

import pytest

from properties import MutualExclusion

TEST = """
import anyio, pytest
from properties import MutualExclusion

{marker}
@pytest.mark.invariants(watch=[MutualExclusion])
async def test_one_at_a_time(invariants):
    (exclusion,) = invariants
    gate = anyio.Lock() if {guarded} else anyio.Semaphore(2)

    async def visit():
        async with gate:
            try:
                with exclusion.inside():
                    await anyio.sleep(1)
            except AssertionError:
                pass  # What was seen counts all the same.

    async with anyio.create_task_group() as group:
        group.start_soon(visit)
        group.start_soon(visit)
"""
SIMULATED = "@pytest.mark.simulate(schedules=20, backend=('asyncio', 'trio'))"


@pytest.mark.parametrize("guarded", [True, False])
def test_each_simulated_run_has_invariants_of_its_own(suite, guarded):
    suite.write(TEST.format(marker=SIMULATED, guarded=guarded))
    result = suite.run()

    result.assert_outcomes(passed=guarded, failed=not guarded)
    if not guarded:
        result.stdout.fnmatch_lines([f"*{MutualExclusion().promise}*", "*replay: pytest *"])


def test_what_an_invariant_sees_at_the_end_fails_a_run_or_a_plain_test(suite):
    suite.write(
        """
        import pytest
        from properties import Invariant

        class NeverHolds(Invariant):
            promise = "nothing is promised"

            def finish(self):
                self.broken("and not even that was kept")

        @pytest.mark.simulate(schedules=2)
        @pytest.mark.invariants(watch=[NeverHolds])
        @pytest.mark.usefixtures("invariants")
        async def test_simulated(): pass

        @pytest.mark.invariants(watch=[NeverHolds])
        def test_plain(invariants): pass
        """
    )
    result = suite.run()

    result.assert_outcomes(failed=1, passed=1, errors=1)
    result.stdout.fnmatch_lines(["*nothing is promised: and not even that was kept*"])


@pytest.mark.parametrize(
    ("marker", "problem"),
    [
        ("", "name the invariants that are to watch, as in watch=[[]MutualExclusion[]]"),
        ("@pytest.mark.invariants(watch=[3])", "*needs invariants of its own: name a class*not 3"),
        ("@pytest.mark.invariants(watch=[dict])", "*a subclass of Invariant, not {}"),
    ],
)
def test_whatever_is_no_invariant_is_refused(suite, marker, problem):
    suite.write(
        f"""
        import pytest

        {marker}
        def test_it(invariants): pass
        """
    )
    result = suite.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*UsageError: {problem}"])


@pytest.mark.parametrize("arguments", ["3", "watch=[], other=1", ""])
def test_a_marker_written_otherwise_is_refused_with_how_to_write_it(suite, arguments):
    suite.write(
        f"""
        import pytest

        @pytest.mark.invariants({arguments})
        def test_it(): pass
        """
    )
    result = suite.run()

    output = result.stdout.str() + result.stderr.str()
    assert "the marker is written invariants(watch=[MutualExclusion, …])" in output
    assert result.ret != 0


def test_a_marker_without_the_fixture_is_refused_rather_than_nobody_watching(suite):
    suite.write(
        """
        import pytest
        from properties import MutualExclusion

        @pytest.mark.invariants(watch=[MutualExclusion])
        def test_it(): pass
        """
    )
    result = suite.run()

    output = result.stdout.str() + result.stderr.str()
    assert "test_it is to be watched: let it take the fixture 'invariants'" in output
    assert result.ret != 0
