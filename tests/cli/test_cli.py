import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import asyncio

async def passes():
    await asyncio.sleep(3)
    return "done"

async def races():
    order = []
    async def go(name):
        await asyncio.sleep(0)
        order.append(name)
    async with asyncio.TaskGroup() as group:
        group.create_task(go("a"))
        group.create_task(go("b"))
    assert order == ["a", "b"], order

async def sticks():
    await asyncio.Event().wait()

async def fragile():
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        raise RuntimeError("half done") from None

async def many_backends():
    import anyio
    await anyio.sleep(1)

async def wants(argument):
    pass

def plain():
    pass

async def interrupted():
    raise KeyboardInterrupt
"""


@pytest.fixture
def simclock(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "simclock", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "COLUMNS": "100"},
            check=False,
        )

    run.folder = tmp_path
    return run


def test_run_tells_steps_virtual_time_and_the_result(simclock):
    done = simclock("run", "program.py:passes")

    assert done.returncode == 0
    assert re.fullmatch(
        r"passed: passes on asyncio, \d+ steps, 3s of virtual time\n  returned 'done'\n",
        done.stdout,
    )


def test_explore_tells_schedules_distinct_traces_rate_and_exhaustion(simclock):
    some = simclock("explore", "program.py:passes", "--schedules", "20")
    all_there_are = simclock("explore", "program:passes", "--scheduler", "exhaustive")

    assert some.returncode == all_there_are.returncode == 0
    assert re.fullmatch(
        r"passed: 20 schedules of passes on asyncio\n  \d+ distinct, [\d,]+ a second, not exhausted\n",
        some.stdout,
    )
    assert "these are all there are\n" in all_there_are.stdout
    bounded = simclock("explore", "program:passes", "--scheduler", "delays:1")
    assert "these are all there are with delays:1\n" in bounded.stdout
    assert some.stderr == ""


def test_a_failure_ends_with_a_shell_line_that_replays_it(simclock):
    found = simclock("explore", "program.py:races")
    line = found.stdout.splitlines()[-1]
    text = re.fullmatch(r"replay: python -m simclock replay program.py:races '(s1:[^']+)'", line)
    again = simclock("replay", "program.py:races", text[1])
    other = simclock("replay", "program.py:races", "s1:asyncio:0:-:234d22dd")

    assert found.returncode == again.returncode == 1
    assert "AssertionError: ['b', 'a']" in found.stdout
    assert "program.py" in found.stdout
    assert "exploration" not in found.stdout
    assert "AssertionError: ['b', 'a']" in again.stdout
    assert other.returncode == 0
    assert other.stdout.startswith("passed: races on asyncio under this schedule")


def test_a_failure_is_kept_tried_first_and_forgotten_when_it_passes(simclock):
    simclock("explore", "program.py:races")
    second = simclock("explore", "./program.py:races", "--schedules=1")
    fixed = PROGRAM.replace('assert order == ["a", "b"], order', "pass")
    (simclock.folder / "program.py").write_text(fixed)
    third = simclock("explore", "program.py:races", "--schedules=1")
    fourth = simclock("explore", "program.py:races", "--schedules=1")

    assert second.returncode == 1
    assert "simclock: replayed on asyncio" in second.stdout
    assert third.returncode == 0
    assert "a stored failing schedule no longer fails and was forgotten" in third.stdout
    assert "stored" not in fourth.stdout


def test_a_verdict_is_told_without_lines_of_the_machinery(simclock):
    done = simclock("run", "program.py:sticks")

    assert done.returncode == 1
    assert "DeadlockError: nothing can run" in done.stdout
    assert "Traceback" not in done.stdout


def test_cancel_takes_no_target_for_its_value(simclock):
    for arguments in (
        ["--cancel", "program.py:fragile"],
        ["program.py:fragile", "--cancel"],
        ["program.py:fragile", "--cancel=main"],
    ):
        done = simclock("explore", *arguments)
        assert done.returncode == 1, done
        assert "RuntimeError: half done" in done.stdout
    assert (
        simclock(
            "explore", "program.py:fragile", "--cancel", "tasks", "--failures", "elsewhere"
        ).returncode
        == 0
    )


def test_both_backends_are_explored(simclock):
    done = simclock("explore", "program.py:many_backends", "--backend=both", "--schedules=10")

    assert done.returncode == 0
    assert done.stdout.startswith("passed: 20 schedules of many_backends on asyncio and trio")


def test_the_replay_line_carries_the_options_of_the_world(simclock):
    done = simclock("explore", "program.py:sticks", "--epoch", "5", "--limit-steps=900")

    assert done.stdout.splitlines()[-1].endswith("' --epoch 5.0 --limit-steps 900")


def test_bad_usage_is_status_two_and_a_sentence_on_stderr(simclock):
    for arguments, sentence in (
        (["run", "program.py"], "a target reads path.py:function or module:function"),
        (["run", "nothing.py:main"], "there is no file nothing.py"),
        (["run", "nothing:main"], "there is no module 'nothing'"),
        (
            ["run", "program.py:nothing"],
            "program.py has no 'nothing'; its async functions are passes,",
        ),
        (["run", "program.py:plain"], "main is an async function, and plain is not"),
        (["run", "program.py:wants"], "wants() cannot be called without arguments"),
        (
            ["explore", "program.py:passes", "--schedules=0"],
            "schedules is a whole number >= 1, not 0",
        ),
        (["explore", "program.py:passes", "--scheduler=magic"], "no scheduler is named 'magic'"),
        (["run", "program.py:passes", "--scheduler=portfolio"], "call explore()"),
        (["run", "program.py:passes", "--limit-steps=0"], "Limits(steps=…)"),
        (["replay", "program.py:passes", "s1:x"], "the schedule is cut"),
        (["walk", "program.py:passes"], "invalid choice: 'walk'"),
        ([], "the following arguments are required"),
    ):
        done = simclock(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), (arguments, done)
        assert sentence in done.stderr


def test_a_module_that_cannot_be_imported_shows_why(simclock):
    (simclock.folder / "broken.py").write_text("import no_such_library\n")
    done = simclock("run", "broken.py:main")

    assert done.returncode == 2
    assert "No module named 'no_such_library'" in done.stderr
    assert done.stderr.endswith("simclock: broken.py:main cannot be imported\n")


def test_a_file_named_like_a_loaded_module_is_refused(simclock):
    (simclock.folder / "asyncio.py").write_text("async def main(): ...\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "simclock", "run", "asyncio.py:main"],
        cwd=simclock.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "rename the file" in done.stderr


def test_the_folder_of_a_file_is_on_the_path(simclock):
    folder = simclock.folder / "below"
    folder.mkdir()
    (folder / "helper.py").write_text("VALUE = 5\n")
    (folder / "script.py").write_text(
        "import helper\nasync def main():\n    return helper.VALUE, __name__\n"
    )
    done = simclock("run", str(Path("below", "script.py")) + ":main")

    assert "returned (5, 'script')" in done.stdout


def test_an_interrupt_is_status_130(simclock):
    done = simclock("explore", "program.py:interrupted")

    assert done.returncode == 130
    assert done.stderr.startswith("simclock: interrupted\n")


def test_the_console_script_is_the_same_program():
    from simclock.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
