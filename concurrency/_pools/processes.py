"""One call in a worker process, with its traceback, and a clear word when the process breaks.

The function, its arguments and what becomes of it cross as bytes made here, not by AnyIO: what
cannot be pickled is then refused at the call, and what cannot be unpickled on the other side is
an error of this call, with a name, instead of a broken worker.
"""

from __future__ import annotations

import pickle
import traceback
from typing import TYPE_CHECKING, Any, cast, final

import anyio
import anyio.to_process

from concurrency._outcome import raise_bare
from concurrency._pools.functions import function_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from concurrency._pools.limits import Limiter

__all__ = ["RemoteTraceback", "WorkerError", "call_in_process", "pack_call"]


@final
class RemoteTraceback(Exception):  # noqa: N818 - Not raised; it is the cause that shows the text.
    """The traceback of an exception, as the worker process printed it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n{self.text}"


@final
class WorkerError(RuntimeError):
    """The call ended in the worker process, but what became of it cannot be carried over."""


def pack_call(func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
    """Make the bytes that carry a call to another process.

    Raises:
        TypeError: the function or an argument cannot be pickled.
    """
    try:
        return pickle.dumps((func, tuple(args), dict(kwargs)), pickle.HIGHEST_PROTOCOL)
    except Exception as exc:
        raise TypeError(
            f"{function_name(func)} and its arguments must be picklable to go to another process: "
            "use a function of a module (no lambda, no local function) and plain data"
        ) from exc


async def call_in_process(name: str, request: bytes, limiter: Limiter) -> Any:
    """Run the packed call in a worker process while holding a token of ``limiter``.

    Cancelled while it waits, the call never begins. Cancelled later, by a scope or natively, the
    worker process is killed: nothing of the call is left, but it may have had effects.

    Raises:
        anyio.BrokenWorkerProcess: the process ended before the call did.
        WorkerError: the result or the exception cannot be pickled.
    """
    reply = await _exchange(name, request, limiter)
    try:
        value, error, text = pickle.loads(reply)  # noqa: S301 - Made by our own process.
    except Exception as exc:
        raise WorkerError(f"the result of {name} arrived, but cannot be unpickled here") from exc
    if error is not None:
        error.__cause__ = RemoteTraceback(text)
        raise_bare(cast("BaseException", error))
    return value


async def _exchange(name: str, request: bytes, limiter: Limiter) -> bytes:
    borrower = object()
    await limiter.acquire_on_behalf_of(borrower)
    try:
        unlimited = anyio.CapacityLimiter(1)
        return await anyio.to_process.run_sync(_serve, request, cancellable=True, limiter=unlimited)
    except anyio.BrokenWorkerProcess as exc:
        raise anyio.BrokenWorkerProcess(
            f"the worker process that ran {name} ended before the call did (killed, out of "
            "memory, or it left through os._exit); the call may have had effects and was not "
            "repeated"
        ) from exc
    finally:
        limiter.release_on_behalf_of(borrower)


def _serve(request: bytes) -> bytes:
    """Do the call; in the worker process. Whatever happens is packed, nothing is raised."""
    try:
        func, args, kwargs = pickle.loads(request)  # noqa: S301 - Made by our own process.
        value = func(*args, **kwargs)
    except BaseException as exc:  # noqa: BLE001 - Raised in the caller, whatever it is.
        return _pack_error(exc)
    try:
        return pickle.dumps((value, None, ""), pickle.HIGHEST_PROTOCOL)
    except Exception as exc:  # noqa: BLE001 - As above; pickling may raise anything.
        error = WorkerError(
            f"the result, a {type(value).__qualname__}, cannot be pickled to leave its process"
        )
        error.__context__ = exc
        return _pack_error(error)


def _pack_error(exc: BaseException) -> bytes:
    text = "".join(traceback.format_exception(exc))
    try:
        packed = pickle.dumps((None, exc, text), pickle.HIGHEST_PROTOCOL)
        # An exception with an __init__ of its own often pickles and then does not unpickle:
        # better to find out here, where it can still be described.
        pickle.loads(packed)  # noqa: S301 - Made one line above.
    except Exception:  # noqa: BLE001 - As above.
        shown = "".join(traceback.format_exception_only(exc)).strip()
        error = WorkerError(f"the call raised what cannot be pickled: {shown}")
        return pickle.dumps((None, error, text), pickle.HIGHEST_PROTOCOL)
    return packed
