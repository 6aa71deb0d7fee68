"""What a worker thread of a simulated run sees of it."""

from __future__ import annotations

import threading
import time

import anyio
import pytest

import simclock


def test_a_promise_broken_in_a_worker_thread_fails_the_run(backend: str) -> None:
    async def main() -> None:
        await anyio.to_thread.run_sync(lambda: simclock.always(False, "threads count too"))

    with pytest.raises(simclock.PromiseBrokenError, match="threads count too"):
        simclock.run(main, backend=backend)


def test_a_worker_thread_finds_the_simulation(backend: str) -> None:
    async def main() -> int:
        return await anyio.to_thread.run_sync(lambda: simclock.current().seed)

    assert simclock.run(main, backend=backend, seed=11) == 11


def test_the_clock_of_a_worker_thread_moves_while_it_works(backend: str) -> None:
    def work() -> bool:
        started = time.perf_counter()
        while time.perf_counter() == started:
            pass
        return threading.current_thread() is not threading.main_thread()

    async def main() -> bool:
        return await anyio.to_thread.run_sync(work)

    assert simclock.run(main, backend=backend)
