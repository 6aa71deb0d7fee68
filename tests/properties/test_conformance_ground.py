"""What scenarios stand on tells its own timeouts and findings from what the subject raises."""

from __future__ import annotations

import pytest

import simclock
from properties.conformance import ConformanceError
from properties.conformance.ground import Ground


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


STYLES = [("asyncio", "anyio"), ("asyncio", "asyncio"), ("trio", "anyio")]


@pytest.mark.parametrize(("backend", "style"), STYLES)
def test_who_gives_up_is_told_so(backend, style):
    async def main():
        ground = Ground(style)

        async def patient():
            await ground.sleep(2)

        assert not await ground.give_up(1, patient)
        assert ground.now() == 1
        assert await ground.give_up(3, patient)

    simclock.run(main, backend=backend)


@pytest.mark.parametrize(("backend", "style"), STYLES)
def test_a_timeout_error_of_the_subjects_own_is_no_timeout(backend, style):
    async def main():
        async def gives_up_itself():
            raise TimeoutError("of its own")

        with pytest.raises(TimeoutError, match="of its own"):
            await Ground(style).give_up(1, gives_up_itself)

    simclock.run(main, backend=backend)


FINDINGS = [
    ConformanceError("found"),
    ExceptionGroup("outer", [ValueError(), ExceptionGroup("inner", [ConformanceError("found")])]),
]


@pytest.mark.parametrize("finding", FINDINGS)
def test_a_finding_is_not_pardoned(finding, backend):
    assert _pardoned(finding, backend) == {False}


def test_an_outcome_is_pardoned_where_a_cancellation_was_injected_and_only_there(backend):
    assert _pardoned(ExceptionGroup("outcome", [ValueError()]), backend) == {False, True}


def _pardoned(error, backend):
    pardoned = set()

    async def main():
        ground = Ground()

        async def task():
            await ground.step()

        await ground.run(task, task)
        try:
            with ground.pardon():
                raise error
        except type(error):
            pardoned.add(False)
        else:
            pardoned.add(True)

    simclock.explore(main, backend=backend, schedules=20, cancel="tasks")
    return pardoned
