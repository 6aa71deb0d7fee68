"""The mutants fit the package as it is, nothing accuses it, and in each area one is caught."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def _module(name):
    # By path and under a name of its own, for the folder is not on the path of a test run.
    sys.path.insert(0, str(HERE))
    try:
        spec = importlib.util.spec_from_file_location(f"mutation_{name}", HERE / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(HERE))
    return module


prove = _module("prove")
planting = sys.modules["planting"]
MUTANTS = planting.load()
AREAS = list(dict.fromkeys(mutant.area for mutant in MUTANTS))
#: One mutant of each area that a few schedules show.
EASY = {
    "closing": "failure of a source is swallowed",
    "groups": "failure is swallowed",
    "leaks": "leaks youngest first",
    "lines": "served without a wake-up",
    "lists": "flattens one level",
    "locks": "new lock at each use",
    "maps": "one task more than the limit",
    "meetings": "notifies one fewer",
    "pacing": "opens one failure late",
    "patterns": "results in the order of their end",
    "permits": "one token too many",
    "pools": "exception of the function is swallowed",
    "queues": "larger child is taken",
    "retry": "one attempt more",
    "scopes": "later of two deadlines counts",
    "streams": "latest arrival first",
}


def test_there_are_mutants_of_every_area_and_their_names_are_their_own():
    assert set(AREAS) == {path.stem for path in (HERE / "areas").glob("*.py")} == set(EASY)
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 60


@pytest.mark.parametrize("area", AREAS)
def test_every_mutant_fits_its_file_once_and_compiles(area):
    for mutant in MUTANTS:
        if mutant.area == area:
            source = (planting.PACKAGE / mutant.file).read_text(encoding="utf-8")
            compile(mutant.of(source), mutant.file, "exec")
            assert mutant.before != mutant.after


def test_a_mutant_whose_text_is_gone_or_stands_twice_is_refused():
    mutant = planting.Mutant("area", "name", "file.py", "a = 1\n", "a = 2\n", "nothing")

    assert mutant.of("a = 1\n") == "a = 2\n"
    for source in ("", "a = 1\na = 1\n"):
        with pytest.raises(ValueError, match=f"'name' stands {source.count('a')} times in file.py"):
            mutant.of(source)


@pytest.mark.parametrize("area", AREAS)
def test_the_untouched_package_is_not_accused(area):
    outcome = prove.judge(area, None, schedules=2, timeout=60)

    assert (outcome.status, outcome.error) == ("survived", "")


@pytest.mark.parametrize("area", AREAS)
def test_a_mutant_of_each_area_is_caught(area):
    mutant = next(each for each in MUTANTS if (each.area, each.name) == (area, EASY[area]))

    outcome = prove.judge(area, mutant, schedules=10, timeout=60)

    assert outcome.status == "caught"
    assert ":" in outcome.by, "by a kit and its promise, or a property"


def test_a_mutant_that_never_ends_is_told_apart():
    mutant = planting.Mutant(
        "locks",
        "spins",
        "_primitives/lock.py",
        '__all__ = ["Lock"]',
        'while True:\n    __all__ = ["Lock"]',
        "everything",
    )

    assert prove.judge("locks", mutant, schedules=1, timeout=1).status == "hung"


@pytest.mark.parametrize(
    ("status", "equivalent", "is_right"),
    [
        ("caught", "", True),
        ("hung", "", True),
        ("survived", "", False),
        ("survived", "nobody can tell", True),
        ("caught", "nobody can tell", False),
    ],
)
def test_a_survivor_is_wrong_unless_it_is_equivalent(monkeypatch, status, equivalent, is_right):
    mutant = planting.Mutant("locks", "name", "file.py", "a", "b", "nothing", equivalent)

    def judge(area, judged, schedules, timeout):
        if judged is None:
            return prove.Outcome(area, None, "survived", 0.0)
        return prove.Outcome(area, judged, status, 0.0, "lock kit: fair", "asyncio", 3)

    monkeypatch.setattr(prove, "judge", judge)
    monkeypatch.setattr(prove, "load", lambda: (mutant,))
    monkeypatch.setattr(sys, "argv", ["prove.py"])

    assert prove.main() == (0 if is_right else 1)


def test_an_accusation_of_the_untouched_package_is_wrong(monkeypatch):
    monkeypatch.setattr(
        prove, "judge", lambda area, mutant, *_: prove.Outcome(area, mutant, "caught", 0.0)
    )
    monkeypatch.setattr(sys, "argv", ["prove.py", "--only", "one token too many"])

    assert prove.main() == 1
