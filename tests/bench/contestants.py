"""Who runs what: simclock, the stock loops, and the other simulators that are installed."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Coroutine
from typing import Any

import trio
import trio.testing

from simclock.exploration.runs import Plan, Runner
from simclock.exploration.world import World
from simclock.schedulers import UniformScheduler

Main = Callable[..., Coroutine[Any, Any, Any]]
RunMany = Callable[[Main, int], None]
"""Runs an async function so many times, with another seed each time where there are seeds."""


def _simulated(backend: str, scheduler: bool) -> RunMany:
    def run(main: Main, times: int) -> None:
        # The others don't warm up within what is timed; each contestant runs once before.
        with Runner(main, (), World(backend), warm_up=False) as runner:
            for seed in range(times):
                outcome = runner.run(Plan(seed, UniformScheduler() if scheduler else None))
                assert outcome.failure is None, outcome.failure

    return run


def _stock_asyncio(main: Main, times: int) -> None:
    for _ in range(times):
        asyncio.run(main())


def _stock_trio(main: Main, times: int) -> None:
    for _ in range(times):
        trio.run(main)


def _mock_clock(main: Main, times: int) -> None:
    for _ in range(times):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def _by_factory(module: str, name: str) -> RunMany | None:
    try:
        factory = getattr(importlib.import_module(module), name)
    except ImportError:
        return None

    def run(main: Main, times: int) -> None:
        for _ in range(times):
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(main())

    return run


def _simloom() -> RunMany | None:
    try:
        simloom = importlib.import_module("simloom")
    except ImportError:
        return None

    def run(main: Main, times: int) -> None:
        for seed in range(times):
            simloom.run(main, seed=seed, scheduler="random")

    return run


def _simloop() -> RunMany | None:
    try:
        simloop = importlib.import_module("simloop")
    except ImportError:
        return None

    def run(main: Main, times: int) -> None:
        assert simloop.explore(main, range(times)) is None

    return run


def on_asyncio() -> dict[str, RunMany]:
    """Return the contestants that run asyncio programs, the stock loop first."""
    found = {
        "asyncio, stock": _stock_asyncio,
        "simclock, random": _simulated("asyncio", scheduler=True),
        "simclock, calm": _simulated("asyncio", scheduler=False),
        "simloom, random": _simloom(),
        "simloop, random": _simloop(),
        "looptime": _by_factory("looptime", "new_event_loop"),
        "async-solipsism": _by_factory("async_solipsism", "EventLoop"),
    }
    return {name: run for name, run in found.items() if run is not None}


def on_trio() -> dict[str, RunMany]:
    """Return the contestants that run trio programs, stock trio first."""
    return {
        "trio, stock": _stock_trio,
        "simclock, random": _simulated("trio", scheduler=True),
        "simclock, calm": _simulated("trio", scheduler=False),
        "trio, MockClock": _mock_clock,
    }
