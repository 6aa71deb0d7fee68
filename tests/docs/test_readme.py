"""What the README shows is what a user gets."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_first_program_is_the_example_of_the_same_name() -> None:
    example = (ROOT / "docs/examples/limiter.py").read_text(encoding="utf-8")

    assert blocks("python")[0] == example


def test_the_report_is_what_the_command_prints(tmp_path: Path) -> None:
    (tmp_path / "docs/examples").mkdir(parents=True)
    shutil.copy(ROOT / "docs/examples/limiter.py", tmp_path / "docs/examples")
    command = blocks("console")[0].removeprefix("$ python ").split()

    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    # Python 3.13 draws other underlines beneath a failing line.
    assert without_underlines(done.stdout.replace(f"{tmp_path}/", "")) == without_underlines(
        blocks("text")[0]
    )


def without_underlines(text: str) -> list[str]:
    return [line for line in text.strip().splitlines() if line.strip(" ^~")]
