"""Threads for what blocks, processes for what computes; each call owned by who awaits it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar, cast, final, overload

import anyio
import anyio.to_process
import anyio.to_thread

from concurrency._pools.functions import check_sync_function, function_name
from concurrency._pools.lifetime import Lifetime
from concurrency._pools.processes import RemoteTraceback, WorkerError, call_in_process, pack_call
from concurrency._pools.threads import ThreadCall, call_in_thread
from concurrency._validation import check_count, describe
from concurrency.primitives import CapacityLimiter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

__all__ = [
    "ProcessPool",
    "RemoteTraceback",
    "ThreadPool",
    "WorkerError",
    "processpool",
    "run_in_process",
    "run_in_thread",
    "threadpool",
]

T = TypeVar("T")
P = ParamSpec("P")

_AWAIT_IT = "write `await {name}(...)`, it needs no worker"


@final
class ThreadPool:
    """Runs blocking functions in at most ``max_workers`` threads at a time.

    Calls get their thread first come, first served. The threads themselves are AnyIO's and are
    shared with everything else; the pool is the limit and the guarantee: leaving its
    ``async with`` refuses new calls, lets those in flight end, and never blocks the event loop.

    A thread cannot be stopped. A cancelled call that has not begun never begins; one that has is
    waited for, unless ``abandon_on_cancel`` is true: then the caller leaves at once, and the
    thread is logged, listed as a leak by a ``LeakTracker``, and keeps its place in the pool until
    it ends. Leaving the pool does not wait for such threads.

    Raises:
        TypeError: ``max_workers`` is not an int.
        ValueError: it is below 1.
    """

    def __init__(self, max_workers: int, *, abandon_on_cancel: bool = False) -> None:
        count = check_count(max_workers, name="ThreadPool(max_workers=)", minimum=1)
        self._limiter = CapacityLimiter(count)
        self._abandon_on_cancel = abandon_on_cancel
        self._lifetime = Lifetime("ThreadPool")

    async def run(self, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return ``func(*args, **kwargs)``, run in a thread of the pool.

        Context variables travel both ways: the function sees the caller's, and what it sets the
        caller has afterwards. Its exception is raised here with its traceback. What cancellation
        does, the class tells; a scope's cancellation that came while the thread worked leaves
        the result and is felt at the next checkpoint, a native one takes the result's place.

        Raises:
            TypeError: ``func`` cannot be called, or is async.
            RuntimeError: the pool was left.
        """
        check_sync_function(func, where="ThreadPool.run()", instead=_AWAIT_IT)
        self._lifetime.check_open()
        call = ThreadCall(func, args, kwargs)
        with self._lifetime:
            return await call_in_thread(
                call, self._limiter, abandon_on_cancel=self._abandon_on_cancel
            )

    async def __aenter__(self) -> Self:
        self._lifetime.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._lifetime.close()


@final
class ProcessPool:
    """Runs functions in at most ``max_workers`` worker processes at a time.

    Function, arguments and result are pickled; context variables cannot be, and stay here. Calls
    get their process first come, first served. The processes are AnyIO's: they are started when
    needed, reused, and ended with the event loop. Leaving the pool's ``async with`` refuses new
    calls and waits for those in flight.

    Raises:
        TypeError: ``max_workers`` is not an int.
        ValueError: it is below 1.
    """

    def __init__(self, max_workers: int) -> None:
        count = check_count(max_workers, name="ProcessPool(max_workers=)", minimum=1)
        self._limiter = CapacityLimiter(count)
        self._lifetime = Lifetime("ProcessPool")

    async def run(self, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return ``func(*args, **kwargs)``, run in a process of the pool.

        Its exception is raised here, with the traceback from over there as its cause. Cancelled
        while it waits for a process, the call never begins; cancelled later, its process is
        killed, so nothing of it runs on.

        Raises:
            TypeError: ``func`` cannot be called, is async, or cannot be pickled with its
                arguments.
            RuntimeError: the pool was left.
            anyio.BrokenWorkerProcess: the process ended before the call did. It is not repeated.
            WorkerError: the result or the exception cannot be pickled.
        """
        check_sync_function(func, where="ProcessPool.run()", instead=_AWAIT_IT)
        return cast("T", await self.send(function_name(func), pack_call(func, args, kwargs)))

    async def send(self, name: str, request: bytes) -> Any:
        """Run a call that ``pack_call`` made, as ``run`` does; for the decorator."""
        self._lifetime.check_open()
        with self._lifetime:
            return await call_in_process(name, request, self._limiter)

    async def __aenter__(self) -> Self:
        self._lifetime.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._lifetime.close()


async def run_in_thread(func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return ``func(*args, **kwargs)``, run in a worker thread.

    As ``ThreadPool.run``, within AnyIO's limit on all worker threads of this event loop.

    Raises:
        TypeError: ``func`` cannot be called, or is async.
    """
    check_sync_function(func, where="run_in_thread()", instead=_AWAIT_IT)
    limiter = anyio.to_thread.current_default_thread_limiter()
    return await call_in_thread(ThreadCall(func, args, kwargs), limiter)


async def run_in_process(func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Return ``func(*args, **kwargs)``, run in a worker process.

    As ``ProcessPool.run``, within AnyIO's limit on all worker processes of this event loop.

    Raises:
        TypeError: ``func`` cannot be called, is async, or cannot be pickled with its arguments.
        anyio.BrokenWorkerProcess: the process ended before the call did.
        WorkerError: the result or the exception cannot be pickled.
    """
    check_sync_function(func, where="run_in_process()", instead=_AWAIT_IT)
    limiter = anyio.to_process.current_default_process_limiter()
    request = pack_call(func, args, kwargs)
    return cast("T", await call_in_process(function_name(func), request, limiter))


@overload
def threadpool(func: Callable[P, T], /) -> Callable[P, Awaitable[T]]: ...


@overload
def threadpool(
    *, pool: ThreadPool | None = None
) -> Callable[[Callable[P, T]], Callable[P, Awaitable[T]]]: ...


def threadpool(func: Any = None, /, *, pool: ThreadPool | None = None) -> Any:
    """Make a blocking function async: each call runs in a thread, of ``pool`` if one is given.

    The function itself stays reachable as ``__wrapped__``.

    Raises:
        TypeError: at once, if the function is async already, or ``pool`` is not such a pool.
    """
    _check_pool(pool, ThreadPool, where="@threadpool(pool=)")
    if func is None:
        return functools.partial(threadpool, pool=pool)
    check_sync_function(func, where="@threadpool", instead="leave the decorator out")

    @functools.wraps(func)
    async def in_thread(*args: Any, **kwargs: Any) -> Any:
        run = run_in_thread if pool is None else pool.run
        return await run(func, *args, **kwargs)

    return in_thread


@overload
def processpool(func: Callable[P, T], /) -> Callable[P, Awaitable[T]]: ...


@overload
def processpool(
    *, pool: ProcessPool | None = None
) -> Callable[[Callable[P, T]], Callable[P, Awaitable[T]]]: ...


def processpool(func: Any = None, /, *, pool: ProcessPool | None = None) -> Any:
    """Make a computing function async: each call runs in a process, of ``pool`` if one is given.

    The decorated function is found by its name in the worker, so it must be importable: the
    function of a module or a method of its class. The function itself stays reachable as
    ``__wrapped__``.

    Raises:
        TypeError: at once, if the function is async already, or ``pool`` is not such a pool.
    """
    _check_pool(pool, ProcessPool, where="@processpool(pool=)")
    if func is None:
        return functools.partial(processpool, pool=pool)
    check_sync_function(func, where="@processpool", instead="leave the decorator out")
    return _ProcessFunction(func, pool)


def _check_pool(pool: object, kind: type, *, where: str) -> None:
    if pool is not None and not isinstance(pool, kind):
        raise TypeError(f"{where} takes a {kind.__name__}, not {describe(pool)}")


@final
class _ProcessFunction(Generic[P, T]):
    """Stands where the function stood, and is pickled by that place."""

    __wrapped__: Callable[P, T]
    __qualname__: str

    def __init__(self, func: Callable[P, T], pool: ProcessPool | None) -> None:
        functools.update_wrapper(self, func)
        self._pool = pool

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        request = pack_call(_call_wrapped, (self, *args), kwargs)
        if self._pool is None:
            limiter = anyio.to_process.current_default_process_limiter()
            return cast("T", await call_in_process(self.__qualname__, request, limiter))
        return cast("T", await self._pool.send(self.__qualname__, request))

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(cast("Any", self), instance)

    def __reduce__(self) -> str:
        # By name, as functions are: the module of that name gives the worker its own copy.
        return self.__qualname__


def _call_wrapped(function: _ProcessFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    return function.__wrapped__(*args, **kwargs)
