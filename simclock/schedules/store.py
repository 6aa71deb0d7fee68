"""Failing schedules on disk, so that the next run of a test tries them first.

One small JSON file for each test. Files are written whole or not at all, so a run that is killed
leaves the old file. Whatever cannot be read is reported as a :class:`StoreWarning` and kept: it
may be the only copy of a schedule, written by another version or edited by hand.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast, final

from simclock.errors import ScheduleTextError
from simclock.schedules.text import decode

if TYPE_CHECKING:
    from simclock.schedules.schedule import Schedule

__all__ = ["DEFAULT_DIRECTORY", "FailureStore", "StoreWarning"]

DEFAULT_DIRECTORY: Final = Path(".simclock", "failures")

_FORMAT: Final = 1
# Every stored failure costs a run of the test each time. A test that fails in more ways than
# these has its latest ones tried again.
_FAILURES_MAX: Final = 20
# A readable name is for people; the digest after it tells tests apart. Both together stay well
# below the 143 bytes that the strictest file systems allow.
_READABLE_MAX: Final = 60
_DAMAGED_MAX: Final = 100


class StoreWarning(UserWarning):
    """A file of the store could not be read or written; the text says which and why."""


class _DamageError(Exception):
    """A file holds something else than stored failures."""


@final
@dataclass(frozen=True, slots=True)
class _Entry:
    """One stored failure; ``schedule`` is text, because another version may have written it."""

    schedule: str
    summary: str


@final
class FailureStore:
    """The failing schedules of each test, latest first.

    A test is told apart by its *identity*: any text that names it in every run, such as its
    module, qualified name and backend. Several processes may use one directory: a reader never
    sees half a file. Of two that save to one identity at the same moment, one may lose its
    entry. No method raises because of the state of the disk; what goes wrong is a warning.
    """

    __slots__ = ("directory",)

    def __init__(self, directory: str | os.PathLike[str] = DEFAULT_DIRECTORY) -> None:
        """Keep failures in ``directory``, which is made when the first one is saved."""
        self.directory = Path(directory)

    def path(self, identity: str) -> Path:
        """Return the file that holds the failures of ``identity``."""
        # Neither case nor punctuation can be relied on to survive every file system, and some
        # names (nul, con) are devices on one of them: the digest settles all three.
        readable = re.sub(r"[^a-z0-9]+", "-", identity.lower()).strip("-")[-_READABLE_MAX:]
        digest = hashlib.blake2b(identity.encode(errors="surrogatepass"), digest_size=8)
        return self.directory / f"{readable.strip('-') or 'test'}-{digest.hexdigest()}.json"

    def load(self, identity: str) -> list[Schedule]:
        """Return the failing schedules of ``identity``, latest first."""
        path = self.path(identity)
        schedules: list[Schedule] = []
        try:
            entries = _read(path)
        except _DamageError as error:
            _warn(f"{path}: {error}; its failures are passed over")
            return schedules
        for entry in entries:
            try:
                schedules.append(decode(entry.schedule))
            except ScheduleTextError as error:
                _warn(f"{path}: a stored schedule is passed over: {error}")
        return schedules

    def save(self, identity: str, schedule: Schedule, summary: str) -> None:
        """Put ``schedule`` first among those of ``identity``; ``summary`` is for who looks."""
        path, text = self.path(identity), str(schedule)
        entries: list[_Entry] = []
        problem = ""
        try:
            entries = _read(path)
        except _DamageError as error:
            aside = _set_aside(path)
            if aside is None:
                _warn(f"{path}: {error}, and cannot be renamed; nothing was saved")
                return
            problem = f"{path}: {error}; it was renamed to {aside.name}"
        others = [entry for entry in entries if entry.schedule != text]
        self._write(path, identity, [_Entry(text, summary), *others][:_FAILURES_MAX])
        # At the end, because a caller may have turned warnings into errors.
        if problem:
            _warn(problem)

    def forget(self, identity: str, schedule: Schedule) -> None:
        """Drop ``schedule``, which no longer fails; a test without failures has no file."""
        path, text = self.path(identity), str(schedule)
        try:
            entries = _read(path)
        except _DamageError as error:
            _warn(f"{path}: {error}; nothing was removed from it")
            return
        kept = [entry for entry in entries if entry.schedule != text]
        if len(kept) == len(entries):
            return
        if kept:
            self._write(path, identity, kept)
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            _warn(f"{path}: a schedule that no longer fails cannot be removed: {error}")

    def _write(self, path: Path, identity: str, entries: list[_Entry]) -> None:
        failures = [{"schedule": e.schedule, "summary": e.summary} for e in entries]
        content = {"format": _FORMAT, "identity": identity, "failures": failures}
        # ASCII escapes also carry what UTF-8 cannot, such as half a surrogate pair in a name.
        text = json.dumps(content, indent=2) + "\n"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(suffix=".tmp", dir=self.directory)
            os.close(descriptor)
            written = Path(name)
            try:
                written.write_text(text, encoding="utf-8", newline="\n")
                # Within one directory, a rename replaces the old file at one stroke.
                written.replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    written.unlink(missing_ok=True)
                raise
        except OSError as error:
            _warn(f"{path}: the failing schedules cannot be saved: {error}")


def _read(path: Path) -> list[_Entry]:
    """Return the entries of ``path``, none if there is no file; raise if it is damaged."""
    try:
        return _entries(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError) as error:
        raise _DamageError(f"the file cannot be read ({error})") from error


def _set_aside(path: Path) -> Path | None:
    """Rename a damaged file, so that a new one can take its place; ``None`` if that fails."""
    for number in range(1, _DAMAGED_MAX + 1):
        aside = path.with_suffix(f".damaged-{number}")
        if not aside.exists():
            try:
                return path.rename(aside)
            except OSError:
                return None
    return None


def _entries(content: object) -> list[_Entry]:
    """Return the entries in ``content``, or raise ``ValueError`` saying what is wrong with it."""
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - one kind of error for one kind of damage
    fields = cast("dict[str, object]", content)
    if fields.get("format") != _FORMAT:
        raise ValueError(f"it has format {fields.get('format')!r}; this simclock reads {_FORMAT}")
    failures = fields.get("failures")
    if not isinstance(failures, list):
        raise ValueError("it has no list of failures")  # noqa: TRY004 - as above
    entries: list[_Entry] = []
    for failure in cast("list[object]", failures):
        if not isinstance(failure, dict):
            raise ValueError(f"{failure!r} is no failure")  # noqa: TRY004 - as above
        one = cast("dict[str, object]", failure)
        schedule, summary = one.get("schedule"), one.get("summary")
        if not isinstance(schedule, str) or not isinstance(summary, str):
            raise ValueError(f"{failure!r} is no failure")  # noqa: TRY004 - as above
        entries.append(_Entry(schedule, summary))
    return entries


def _warn(text: str) -> None:
    # Above this function and the method that found the problem: the caller's own line.
    warnings.warn(text, StoreWarning, stacklevel=3)
