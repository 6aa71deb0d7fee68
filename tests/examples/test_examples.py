"""Each example shows a real bug of published code; these tests see that simclock still finds it.

A library that an example needs is a test-only dependency, from the group ``examples``. A skip here
means that it is not installed, and that its example went unchecked.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import pytest

import simclock

SEED = 20
SCHEDULES = 500


@dataclass(frozen=True)
class Found:
    """What an exploration of one example comes to."""

    example: str
    library: str
    error: type[BaseException]
    text: str
    backend: str = "asyncio"
    cancel: bool = False

    def __str__(self) -> str:
        return f"{self.example}-{self.backend}"


FOUND = [
    Found("aiodataloader_shared_future", "aiodataloader", AssertionError, "was cancelled because"),
    Found("aiojobs_limit", "aiojobs", AssertionError, "3 downloads at once, 2 allowed"),
    Found("aiohttp_connection_limit", "aiohttp", simclock.DeadlockError, "aiohttp/connector.py:"),
    Found("anyio_memory_stream", "anyio", AssertionError, "carried out: ['invoice 17', 'inv"),
    Found("anyio_memory_stream", "trio", AssertionError, "carried out: ['inv", backend="trio"),
    Found("asyncstdlib_tee", "asyncstdlib", AssertionError, "of 4 rows exported"),
    Found("broadcaster_cancelled_subscribe", "broadcaster", KeyError, "room", cancel=True),
    Found("httpcore_leaked_connection", "httpcore", simclock.DeadlockError, "  fetch-2 "),
]
if sys.version_info < (3, 13):
    FOUND.append(
        Found("condition_lost_notify", "asyncio", simclock.DeadlockError, "take  waits in Condit")
    )


def innermost_file(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else trace.tb_frame.f_code.co_filename


@pytest.mark.parametrize("found", FOUND, ids=str)
@pytest.mark.parametrize("reorder", ["tasks", "arrivals"])
def test_the_bug_of_a_published_library_is_found_and_its_shrunk_schedule_replays(
    found: Found, reorder: str, load_example: Callable[[str], ModuleType]
) -> None:
    pytest.importorskip(found.library, reason=f"{found.example} unchecked: no {found.library}")
    main = load_example(found.example).main

    exploration = simclock.explore(
        main,
        backend=found.backend,
        schedules=SCHEDULES,
        seed=SEED,
        cancel=found.cancel,
        reorder=reorder,
        on_failure="return",
    )

    failure = exploration.failure
    assert failure is not None
    assert type(failure.exception) is found.error
    assert found.text in str(failure.exception)
    if found.error is AssertionError:
        assert innermost_file(failure.exception).endswith(f"{found.example}.py")
    assert len(failure.schedule) <= 2
    with pytest.raises(found.error) as replayed:
        simclock.replay(main, schedule=str(failure.schedule), reorder=reorder)
    assert str(replayed.value) == str(failure.exception)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Python 3.13 mended it")
def test_a_condition_that_passes_its_notification_on_is_not_accused(
    load_example: Callable[[str], ModuleType],
) -> None:
    main = load_example("condition_lost_notify").main

    exploration = simclock.explore(main, schedules=SCHEDULES, seed=SEED, on_failure="return")

    assert exploration.failure is None


REPLAY = """
import importlib.util, sys
import simclock
path, schedule = sys.argv[1:]
spec = importlib.util.spec_from_file_location("example", path)
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)
try:
    simclock.replay(example.main, schedule=schedule)
except Exception as error:
    print(type(error).__name__, str(error).splitlines()[0])
"""


@pytest.mark.parametrize("found", FOUND, ids=str)
def test_the_shrunk_schedule_replays_in_another_process(found, load_example):
    pytest.importorskip(found.library, reason=f"{found.example} unchecked: no {found.library}")
    example = load_example(found.example)
    failure = simclock.explore(
        example.main,
        backend=found.backend,
        schedules=SCHEDULES,
        seed=SEED,
        cancel=found.cancel,
        on_failure="return",
    ).failure
    assert failure is not None

    done = subprocess.run(
        [sys.executable, "-c", REPLAY, example.__file__, str(failure.schedule)],
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": "77"},
        text=True,
        check=True,
    )

    error = failure.exception
    assert done.stdout.strip() == f"{type(error).__name__} {str(error).splitlines()[0]}"
