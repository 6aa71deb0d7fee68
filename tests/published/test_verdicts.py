"""What published implementations keep and break is what docs/verdicts.md says."""

from __future__ import annotations

import gc
import importlib
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import pytest
from published.caches import Forgetful, cache, keeps_failures, takes_others_along
from published.subjects import SUBJECTS
from published.table import pins, render

for _module in ("frameworks", "libraries"):
    importlib.import_module(f"published.{_module}")

PAGE = Path(__file__).parents[2] / "docs" / "verdicts.md"


@pytest.mark.deep
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_a_published_implementation_breaks_what_the_table_says_and_keeps_the_rest(subject):
    if sys.version_info < subject.python:
        pytest.skip(f"{subject.package} needs a later Python")

    with warnings.catch_warnings():
        # Streams of AnyIO that a cancelled scenario leaves unclosed say so when they go.
        warnings.simplefilter("ignore", ResourceWarning)
        report = subject.verdict()
        gc.collect()

    assert set(report.broken) == subject.expected, str(report)


@pytest.mark.deep
@pytest.mark.parametrize("package", list(pins()))
def test_the_version_that_is_examined_is_the_one_that_is_pinned(package):
    if any(s.package == package and sys.version_info < s.python for s in SUBJECTS):
        pytest.skip(f"{package} needs a later Python")

    assert version(package) == pins()[package]


def test_every_pinned_library_is_examined():
    assert {subject.package for subject in SUBJECTS} >= set(pins())


def test_the_page_has_the_table_as_it_is():
    assert render() in PAGE.read_text()


PLANTED = [("shared", Forgetful), ("failures", keeps_failures), ("cancelled", takes_others_along)]


@pytest.mark.parametrize(("promise", "planted"), PLANTED)
def test_a_violation_of_a_caches_promise_is_caught(promise, planted):
    report = cache(lambda: planted, style="asyncio", schedules=20)

    assert promise in report.broken, str(report)
