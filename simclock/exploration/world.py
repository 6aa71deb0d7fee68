"""The options of a simulated world, the same for run, explore and replay."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, final

from simclock.errors import UsageError
from simclock.kernel import DEFAULT_LIMITS, Limits, Timeline
from simclock.schedules import BACKENDS
from simclock.simulation.assembly import check_world
from simclock.simulation.boundary import EPOCH
from simclock.simulation.outcome import Outcome
from simclock.simulation.simulation import Simulation

__all__ = ["Backend", "Main", "World", "load_backend", "require_main", "unpack_backends"]

Main = Callable[..., Coroutine[Any, Any, Any]]

_MODULES = {"asyncio": "simclock.on_asyncio.run", "trio": "simclock.on_trio.run"}


class Backend(Protocol):
    """What a backend's ``run`` module offers."""

    NAME: str

    def new_timeline(self) -> Timeline[Any]:
        """Return a timeline for this backend's timers."""
        ...

    def execute(
        self,
        simulation: Simulation,
        main: Main,
        args: Sequence[Any],
        *,
        unawaited: Sequence[str],
        scoped_lanes: frozenset[int] = ...,
        ends_abruptly: bool = ...,
    ) -> Outcome:
        """Run ``main`` to its end and judge what it leaves."""
        ...


@final
@dataclass(frozen=True, slots=True)
class World:
    """What a run is run in, apart from its schedule."""

    backend: str = "asyncio"
    seed: int = 0
    limits: Limits = DEFAULT_LIMITS
    epoch: float = EPOCH
    reorder: str = "tasks"

    def __post_init__(self) -> None:
        """Refuse worlds that cannot be."""
        if self.backend not in BACKENDS:
            raise UsageError(
                f"backend is 'asyncio', 'trio' or a tuple of both, not {self.backend!r}"
            )
        check_world(seed=self.seed, limits=self.limits, epoch=self.epoch, reorder=self.reorder)


def unpack_backends(backend: str | Sequence[str]) -> tuple[str, ...]:
    """Return the backends asked for, each once; refuse names that are none."""
    names = (backend,) if isinstance(backend, str) else tuple(backend)
    if not names or len(set(names)) != len(names) or any(n not in BACKENDS for n in names):
        raise UsageError(f"backend is 'asyncio', 'trio' or a tuple of both, not {backend!r}")
    return names


def load_backend(name: str) -> Backend:
    """Return the backend called ``name``; trio is imported only when it is asked for."""
    try:
        return cast("Backend", importlib.import_module(_MODULES[name]))
    except ModuleNotFoundError as error:
        if error.name != "trio":
            raise
        raise UsageError(
            "backend 'trio' needs trio, which is not installed: install simclock[trio]"
        ) from None


def require_main(main: object) -> Main:
    """Return ``main`` if it is an async function; say what would have been right if not."""
    if inspect.iscoroutine(main):
        main.close()
        raise UsageError(
            f"main is an async function, and this is a coroutine: pass {main.__name__} and its "
            f"arguments, not {main.__name__}(…)"
        )
    called: object = main
    while hasattr(called, "func"):
        # functools.partial objects, possibly nested.
        called = cast("Any", called).func
    if not callable(called):
        raise UsageError(f"main is an async function, not {main!r}")
    if not (
        inspect.iscoroutinefunction(called)
        or inspect.iscoroutinefunction(getattr(called, "__call__", None))  # noqa: B004 - asks for the method, not whether it is callable
    ):
        name = getattr(called, "__qualname__", repr(called))
        raise UsageError(f"main is an async function, and {name} is not: write 'async def {name}'")
    return cast("Main", main)
