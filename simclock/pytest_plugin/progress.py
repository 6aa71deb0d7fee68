"""The progress line of a simulated test, where somebody watches the terminal."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from simclock.exploration.progress_line import ProgressLine

__all__ = ["progress_line"]


def progress_line(item: pytest.Item) -> ProgressLine | None:
    """Return a line for ``item``, or ``None`` where nobody watches one."""
    config = item.config
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if hasattr(config, "workerinput") or reporter is None or not reporter.isatty():
        return None
    if config.get_verbosity() < 0:
        return None
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    writer = config.get_terminal_writer()
    return ProgressLine(
        item.nodeid,
        uncaptured=nullcontext if capture is None else capture.global_and_fixture_disabled,
        column=lambda: writer.width_of_current_line,
        width=writer.fullwidth,
    )
