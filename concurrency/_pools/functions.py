"""What may be handed to a thread or a process: plain functions, and nothing that is awaited."""

from __future__ import annotations

from concurrency._validation import check_callable, describe, is_awaitable
from concurrency.utils import is_coro_func

__all__ = ["check_awaitable", "check_sync_function", "function_name"]


def function_name(func: object) -> str:
    """Name ``func`` for messages, without an address."""
    return str(getattr(func, "__qualname__", type(func).__qualname__))


def check_awaitable(value: object, *, where: str) -> None:
    """Refuse what cannot be awaited.

    Raises:
        TypeError: ``value`` is not awaitable.
    """
    if is_awaitable(value):
        return
    hint = f"; call it: {function_name(value)}(...)" if callable(value) else ""
    raise TypeError(f"{where} takes an awaitable, not {describe(value)}{hint}")


def check_sync_function(func: object, *, where: str, instead: str) -> None:
    """Refuse what is not a plain function.

    Raises:
        TypeError: ``func`` cannot be called, or calling it gives a coroutine; ``instead`` says
            what to write for that.
    """
    check_callable(func, where=where)
    if is_coro_func(func):
        name = function_name(func)
        raise TypeError(
            f"{where} takes a plain function, and {name} is async: {instead.format(name=name)}"
        )
