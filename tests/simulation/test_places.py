"""Whose a file is decides which line of a traceback or a waiting task is shown."""

from __future__ import annotations

import asyncio
import os

import pytest

import simclock
from simclock.simulation.places import is_installed, is_plumbing, shorten


@pytest.mark.parametrize(
    "site",
    [
        "/home/me/.local/lib/python3.12/site-packages",
        "/usr/lib/python3/dist-packages",
        "/home/me/app/.venv/lib/python3.11/site-packages",
        "/home/me/vendored/site-packages",
    ],
)
def test_a_library_is_known_wherever_it_is_installed(site: str) -> None:
    assert is_plumbing(f"{site}/anyio/_core/_tasks.py")
    assert is_plumbing(f"{site}/trio/_sync.py")
    assert not is_plumbing(f"{site}/anyio_extras/queues.py")
    assert not is_plumbing(f"{site}/aiohttp/client.py")
    assert is_installed(f"{site}/aiohttp/client.py")
    assert shorten(f"{site}/aiohttp/client.py") == "aiohttp/client.py"


def test_python_and_simclock_are_plumbing_and_the_program_is_not() -> None:
    assert is_plumbing(asyncio.__file__)
    assert is_plumbing(simclock.__file__)
    assert is_plumbing("<frozen importlib._bootstrap>")
    assert not is_plumbing(__file__)
    assert not is_installed(__file__)
    assert shorten(os.path.join(os.getcwd(), "app", "main.py")) == os.path.join("app", "main.py")  # noqa: PTH109, PTH118 - names as the interpreter has them
