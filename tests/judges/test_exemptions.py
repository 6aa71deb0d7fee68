"""Nobody is excused silently: each exemption has one of the known kinds of reason."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from exemptions import KINDS, Exemption, ExemptionError, compare, parse  # noqa: E402

FILES = [HERE / "asyncio_exempt.txt", HERE / "anyio_exempt.txt"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_exemption_has_a_known_kind_of_reason(path: Path) -> None:
    exemptions = parse(path.read_text(encoding="utf-8"))

    assert exemptions
    assert {each.kind for each in exemptions} <= KINDS.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_exemptions_are_in_order(path: Path) -> None:
    tests = [each.test for each in parse(path.read_text(encoding="utf-8"))]

    assert tests == sorted(tests)


def test_modules_that_need_nothing_real_have_no_exemptions() -> None:
    pure = {
        "test_context", "test_eager_task_factory", "test_futures", "test_futures2", "test_locks",
        "test_pep492", "test_protocols", "test_queues", "test_runners", "test_staggered",
        "test_taskgroups", "test_tasks", "test_threads", "test_timeouts", "test_transports",
        "test_waitfor",
    }  # fmt: skip

    excused = {each.test.split(".")[2] for each in parse(FILES[0].read_text(encoding="utf-8"))}

    assert not excused & pure


def test_threads_are_no_excuse() -> None:
    excused = {each.test.split("::")[0] for each in parse(FILES[1].read_text(encoding="utf-8"))}

    assert not excused & {"tests/test_to_thread.py", "tests/test_from_thread.py"}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("test_a", "line 1: write 'test  # kind: what it asked for'"),
        ("test_a  # real socket", "line 1: write"),
        ("test_a # real socket: connect()", "line 1: write"),
        ("test_a  # flaky: sometimes", "line 1: 'flaky' is none of real socket"),
        ("test_a  # pipe: x\ntest_a  # pipe: y", "excused twice: test_a"),
    ],
)
def test_a_line_that_excuses_nothing_is_refused(line: str, text: str) -> None:
    with pytest.raises(ExemptionError, match=text):
        parse(line)


def test_a_loss_without_an_excuse_is_told_and_so_is_an_excuse_without_a_loss() -> None:
    excused = [Exemption("a", "pipe", "x"), Exemption("b", "pipe", "x")]

    assert compare(excused, [{"lost": ["a"]}, {"lost": ["c"]}]) == (["c"], ["b"])
