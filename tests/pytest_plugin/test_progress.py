import io
import os
import pty
import subprocess
import sys

from simclock import Progress
from simclock.exploration.progress_line import ProgressLine


def make(column=0, width=80):
    now = [100.0]
    stream = io.StringIO()
    line = ProgressLine(
        "tests/test_x.py::test_y",
        stream=lambda: stream,
        column=lambda: column,
        width=width,
        clock=lambda: now[0],
    )
    return line, stream, now


def test_a_short_exploration_shows_nothing():
    line, stream, now = make()
    now[0] += 0.9
    line.show(Progress(10, 100, 5, 11.0))
    line.clear()

    assert stream.getvalue() == ""


def test_the_line_tells_schedules_rate_and_distinct_traces():
    line, stream, now = make()
    now[0] += 1.1
    line.show(Progress(1240, 5000, 871, 2310.4))

    assert (
        "tests/test_x.py::test_y  1,240/5,000 schedules  2,310/s  871 distinct" in stream.getvalue()
    )


def test_the_line_is_renewed_in_place_some_times_a_second_and_taken_away():
    line, stream, now = make(column=20)
    for _ in range(100):
        now[0] += 0.05
        line.show(Progress(1, 2, 3, 4.0))
    line.clear()

    written = stream.getvalue()
    assert 14 <= written.count("schedules") <= 18
    assert written.count("\n") == 1
    assert written.endswith("\r\x1b[K\x1b[1A\x1b[20C")


def test_the_line_is_cut_to_the_width_of_the_terminal():
    line, stream, now = make(width=30)
    now[0] += 2
    line.show(Progress(1, 2, 3, 4.0))

    assert "tests/test_x.py::test_y  1/2 s" not in stream.getvalue()
    assert "tests/test_x.py::test_y  1/2 " in stream.getvalue()


LONG = """
import asyncio, pytest
@pytest.mark.simulate(schedules=6000)
async def test_long():
    async def step():
        for _ in range(5):
            await asyncio.sleep(0)
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(step())
"""


def test_a_terminal_sees_the_line_and_a_pipe_does_not(suite):
    suite.write(LONG)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=suite.pytester.path, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            block = os.read(ours, 65536)
        except OSError:
            break
        if not block:
            break
        seen += block
    process.wait(timeout=60)
    os.close(ours)
    piped = suite.run_apart()

    assert b"test_it.py::test_long  " in seen
    assert b"/6,000 schedules" in seen
    assert b"1 passed" in seen
    piped.stdout.no_fnmatch_line("*schedules*")
    piped.stderr.no_fnmatch_line("*schedules*")
