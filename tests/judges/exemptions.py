"""Tests of other people's suites that the simulated loop is excused from, and who may be.

The suites themselves are no part of this project. What judges a loop by them writes a record,
``{"lost": [test, …], "given": {test: …}, …}``; run this file on such records to see what was
lost without an excuse, and which excuses nobody needs::

    python tests/judges/exemptions.py tests/judges/asyncio_exempt.txt record.json …
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

KINDS = {
    "real socket": "connections, servers, datagrams and TLS between real addresses",
    "name look-up": "getaddrinfo and getnameinfo",
    "descriptor": "readiness of a descriptor of the test's own",
    "pipe": "pipes as transports",
    "subprocess": "child processes and their watchers",
    "signal": "handlers of signals as the test's subject",
    "signal in its set-up": "the test is of something else; its set-up asks for a handler",
    "private of the stock selector loop": "names that BaseEventLoop does not have either",
}


class Exemption(NamedTuple):
    test: str
    kind: str
    detail: str


class ExemptionError(ValueError):
    """A line that excuses nothing."""


def parse(text: str) -> list[Exemption]:
    """Return the exemptions in ``text``; comments begin with ``#`` at the start of a line."""
    found: list[Exemption] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        test, mark, reason = line.partition("  # ")
        kind, colon, detail = reason.partition(": ")
        if not (mark and colon and detail.strip()) or test != test.strip():
            raise ExemptionError(f"line {number}: write 'test  # kind: what it asked for'")
        if kind not in KINDS:
            raise ExemptionError(f"line {number}: {kind!r} is none of {', '.join(KINDS)}")
        found.append(Exemption(test, kind, detail))
    tests = Counter(each.test for each in found)
    twice = [test for test, times in tests.items() if times > 1]
    if twice:
        raise ExemptionError(f"excused twice: {twice[0]}")
    return found


def compare(exemptions: list[Exemption], records: list[dict]) -> tuple[list[str], list[str]]:
    """Return what ``records`` lost without an excuse, and the excuses that none of them needed."""
    lost = {test for record in records for test in record["lost"]}
    excused = {each.test for each in exemptions}
    return sorted(lost - excused), sorted(excused - lost)


def main(path: str, *records: str) -> int:
    exemptions = parse(Path(path).read_text(encoding="utf-8"))
    losses, unneeded = compare(
        exemptions, [json.loads(Path(record).read_text(encoding="utf-8")) for record in records]
    )
    for test in losses:
        sys.stdout.write(f"LOST WITHOUT AN EXCUSE {test}\n")
    for test in unneeded:
        sys.stdout.write(f"EXCUSED AND NOT LOST {test}\n")
    for kind, times in Counter(each.kind for each in exemptions).most_common():
        sys.stdout.write(f"{times:5} {kind}\n")
    return 1 if losses else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
