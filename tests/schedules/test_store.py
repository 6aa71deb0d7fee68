"""Failures survive from run to run, whatever happens to their files."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simclock.schedules import (
    DEFAULT_DIRECTORY,
    Deviation,
    FailureStore,
    Kind,
    Schedule,
    StoreWarning,
)

IDENTITY = "tests.test_queue:test_drain[asyncio]"


def _schedule(number):
    return Schedule("asyncio", number, (Deviation(1 + number, Kind.RUN, 3),))


@pytest.fixture
def store(tmp_path):
    return FailureStore(tmp_path / "failures")


def test_a_test_that_never_failed_has_no_failures_and_no_file(store):
    assert store.load(IDENTITY) == []
    assert not store.directory.exists()


def test_what_was_saved_is_loaded_latest_first(store):
    for number in range(3):
        store.save(IDENTITY, _schedule(number), f"failure {number}")

    assert store.load(IDENTITY) == [_schedule(2), _schedule(1), _schedule(0)]


def test_a_schedule_that_fails_again_comes_first_and_is_kept_once(store):
    for number in (0, 1, 0):
        store.save(IDENTITY, _schedule(number), "")

    assert store.load(IDENTITY) == [_schedule(0), _schedule(1)]


def test_tests_have_their_failures_apart(store):
    store.save("a:b[asyncio]", _schedule(1), "")
    store.save("a:b[trio]", _schedule(2), "")

    assert store.load("a:b[asyncio]") == [_schedule(1)]
    assert store.load("a:b[trio]") == [_schedule(2)]


def test_a_forgotten_schedule_is_gone_and_the_others_stay(store):
    for number in range(3):
        store.save(IDENTITY, _schedule(number), "")
    store.forget(IDENTITY, _schedule(1))

    assert store.load(IDENTITY) == [_schedule(2), _schedule(0)]


def test_forgetting_the_last_schedule_removes_the_file(store):
    store.save(IDENTITY, _schedule(1), "")
    store.forget(IDENTITY, _schedule(1))

    assert list(store.directory.iterdir()) == []


def test_forgetting_what_was_never_saved_changes_nothing(store):
    store.forget(IDENTITY, _schedule(1))
    store.save(IDENTITY, _schedule(1), "")
    before = store.path(IDENTITY).read_bytes()
    store.forget(IDENTITY, _schedule(2))

    assert store.path(IDENTITY).read_bytes() == before


def test_only_the_latest_failures_are_kept(store):
    for number in range(30):
        store.save(IDENTITY, _schedule(number), "")

    assert store.load(IDENTITY) == [_schedule(number) for number in range(29, 9, -1)]


def test_the_file_tells_a_reader_which_test_failed_and_how(store):
    store.save(IDENTITY, _schedule(1), "AssertionError: 3 == 4")

    content = json.loads(store.path(IDENTITY).read_text(encoding="utf-8"))

    assert content["identity"] == IDENTITY
    assert content["failures"] == [
        {"schedule": str(_schedule(1)), "summary": "AssertionError: 3 == 4"}
    ]


def test_the_default_directory_is_under_the_current_one():
    assert FailureStore().directory == Path(".simclock/failures") == DEFAULT_DIRECTORY
    assert not DEFAULT_DIRECTORY.is_absolute()


# File names.


@given(st.text() | st.text(alphabet=st.characters(categories=["Cs"])))
def test_any_identity_has_a_file_name_that_every_system_takes(identity):
    name = FailureStore("somewhere").path(identity).name

    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{16}\.json", name)
    assert len(name) <= 100


@given(st.lists(st.text(), unique=True, max_size=10))
def test_different_identities_have_different_files_whatever_the_case_of_names(identities):
    names = {FailureStore("somewhere").path(identity).name.lower() for identity in identities}

    assert len(names) == len(identities)


def test_a_file_name_tells_people_the_end_of_the_identity():
    name = FailureStore("somewhere").path("package.module:" + "X" * 100 + "_test[trio]").name

    assert "x-test-trio-" in name


def test_names_that_are_devices_somewhere_are_none_with_their_digest(store):
    store.save("NUL", _schedule(1), "")

    assert store.load("NUL") == [_schedule(1)]
    assert store.path("NUL").stem != "nul"


@pytest.mark.parametrize(
    "identity", ["", "../../../etc/passwd", "a/b\\c:d\0e", "é" * 300, "\ud800"]
)
def test_identities_that_are_no_file_names_are_stored_inside_the_directory(store, identity):
    store.save(identity, _schedule(1), "\ud800 é")

    assert store.load(identity) == [_schedule(1)]
    assert [path.parent for path in store.directory.iterdir()] == [store.directory]


# What can go wrong.

_GOOD = {"format": 1, "identity": IDENTITY, "failures": []}
DAMAGED = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b"null",
    json.dumps({**_GOOD, "format": 2}).encode(),
    json.dumps({**_GOOD, "failures": {}}).encode(),
    json.dumps({**_GOOD, "failures": [1]}).encode(),
    json.dumps({**_GOOD, "failures": [{"schedule": 1, "summary": ""}]}).encode(),
    json.dumps({**_GOOD, "failures": [{"schedule": ""}]}).encode(),
    b"[" * 100_000,
]


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_a_warning_that_names_it_and_is_left_alone(store, damage):
    path = store.path(IDENTITY)
    path.parent.mkdir()
    path.write_bytes(damage)

    with pytest.warns(StoreWarning, match=re.escape(str(path))):
        assert store.load(IDENTITY) == []
    with pytest.warns(StoreWarning, match="cannot be read"):
        store.forget(IDENTITY, _schedule(1))

    assert path.read_bytes() == damage


@pytest.mark.parametrize("damage", DAMAGED)
def test_saving_beside_a_damaged_file_keeps_both(store, damage):
    path = store.path(IDENTITY)
    path.parent.mkdir()
    for number in range(3):
        path.write_bytes(damage)
        with pytest.warns(StoreWarning, match=f"renamed to .*damaged-{number + 1}"):
            store.save(IDENTITY, _schedule(number), "")

        assert store.load(IDENTITY) == [_schedule(number)]

    kept = sorted(path.parent.glob("*.damaged-*"))
    assert [file.read_bytes() for file in kept] == [damage] * 3


@pytest.mark.filterwarnings("error")
def test_a_failure_is_saved_even_where_warnings_are_errors(store):
    path = store.path(IDENTITY)
    path.parent.mkdir()
    path.write_bytes(b"{")

    with pytest.raises(StoreWarning, match="renamed to"):
        store.save(IDENTITY, _schedule(1), "")

    assert store.load(IDENTITY) == [_schedule(1)]


def test_a_hundred_damaged_files_are_enough(store):
    path = store.path(IDENTITY)
    path.parent.mkdir()
    path.write_bytes(b"{")
    for number in range(1, 101):
        path.with_suffix(f".damaged-{number}").write_bytes(b"{")

    with pytest.warns(StoreWarning, match="nothing was saved"):
        store.save(IDENTITY, _schedule(1), "")

    assert path.read_bytes() == b"{"


def test_a_schedule_of_another_version_is_passed_over_with_a_warning_and_kept(store):
    store.save(IDENTITY, _schedule(1), "")
    path = store.path(IDENTITY)
    content = json.loads(path.read_text())
    newer = {"schedule": "s9:asyncio:1:-:00000000", "summary": "from the future"}
    content["failures"].append(newer)
    path.write_text(json.dumps(content))

    with pytest.warns(StoreWarning, match="passed over: this schedule has format 9"):
        assert store.load(IDENTITY) == [_schedule(1)]
    store.save(IDENTITY, _schedule(2), "")
    store.forget(IDENTITY, _schedule(1))
    store.forget(IDENTITY, _schedule(2))

    assert json.loads(path.read_text())["failures"] == [newer]


def test_a_directory_that_cannot_be_made_is_a_warning(tmp_path):
    (tmp_path / "file").write_text("")
    store = FailureStore(tmp_path / "file" / "failures")

    with pytest.warns(StoreWarning, match="cannot be"):
        store.save(IDENTITY, _schedule(1), "")


def test_a_write_that_is_interrupted_leaves_the_old_file_and_no_rubbish(store, monkeypatch):
    store.save(IDENTITY, _schedule(1), "")

    def interrupt(self, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", interrupt)
        store.save(IDENTITY, _schedule(2), "")

    assert store.load(IDENTITY) == [_schedule(1)]
    assert list(store.directory.iterdir()) == [store.path(IDENTITY)]


def test_a_full_disk_is_a_warning_and_leaves_the_old_file(store, monkeypatch):
    store.save(IDENTITY, _schedule(1), "")

    def refuse(self, *_args, **_options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", refuse)
        with pytest.warns(StoreWarning, match="No space left"):
            store.save(IDENTITY, _schedule(2), "")

    assert store.load(IDENTITY) == [_schedule(1)]
    assert list(store.directory.iterdir()) == [store.path(IDENTITY)]


def test_a_file_that_cannot_be_removed_is_a_warning(store, monkeypatch):
    store.save(IDENTITY, _schedule(1), "")

    def refuse(self, *_args, **_options):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.warns(StoreWarning, match="cannot be removed"):
            store.forget(IDENTITY, _schedule(1))


def test_a_damaged_file_that_cannot_be_renamed_is_a_warning_and_stays(store, monkeypatch):
    path = store.path(IDENTITY)
    path.parent.mkdir()
    path.write_bytes(b"{")

    def refuse(self, target):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.warns(StoreWarning, match="nothing was saved"):
            store.save(IDENTITY, _schedule(1), "")

    assert path.read_bytes() == b"{"


def test_a_warning_points_at_the_caller(store):
    path = store.path(IDENTITY)
    path.parent.mkdir()
    path.write_bytes(b"{")

    with pytest.warns(StoreWarning) as caught:
        store.load(IDENTITY)

    assert Path(caught[0].filename).samefile(__file__)


def test_readers_never_see_half_a_file(store):
    store.save(IDENTITY, _schedule(0), "x" * 10_000)
    seen = []

    def read():
        for _ in range(200):
            seen.append(len(store.load(IDENTITY)))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        store.save(IDENTITY, _schedule(number), "x" * 10_000)
    reader.join()

    assert len(seen) == 200
    assert all(seen)
