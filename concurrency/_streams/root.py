"""Tasks that belong to the run itself, for the one case in which nothing else can own them.

A bare ``async for`` gives a stream no moment at which it could wait for a task: ``break`` says
nothing to the iterator but that it is dropped. A task group held open between two pulls would
hang its cancel scope on the consumer's own stack, where the next scope to be left finds it in
the way. So what must outlive one pull there becomes a task of the run: the event loop cancels
it when the run ends, if its stream has not done so long before. Under ``async with`` nothing
here is used.

AnyIO has no such tasks to offer: its portals and groups belong to a block. This file is the only
one that knows that asyncio's loop makes them with ``create_task`` and trio with
``spawn_system_task``. Both are public, as is the token's ``native_token`` that leads to the loop.
Neither library is imported. An import of trio would demand it of everybody, while a loop of trio's
that runs here has imported it already: ``sys.modules`` cannot fail to have it.
"""

from __future__ import annotations

import contextvars
import logging
import sys
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.lowlevel import EventLoopToken

__all__ = ["spawn_root"]

_logger = logging.getLogger("concurrency.stream")

# asyncio holds its tasks weakly; whoever starts one must keep it.
_kept: set[object] = set()


def spawn_root(token: EventLoopToken, func: Callable[[], Awaitable[object]], name: str) -> None:
    """Run ``func()`` as a task of the run that ``token`` stands for; from that loop's thread.

    An exception that leaves ``func`` has no caller to go to: it is logged. The task starts in a
    copy of the current context variables and outside every cancel scope.
    """
    native: Any = token.native_token
    if hasattr(native, "create_task"):
        task = native.create_task(_guarded(func, name), name=name)
        _kept.add(task)
        task.add_done_callback(_kept.discard)
    else:
        trio: Any = sys.modules["trio"]
        context = contextvars.copy_context()
        trio.lowlevel.spawn_system_task(_guarded, func, name, name=name, context=context)


async def _guarded(func: Callable[[], Awaitable[object]], name: str) -> None:
    cancelled = anyio.get_cancelled_exc_class()
    try:
        await func()
    except (cancelled, GeneratorExit):
        raise
    except BaseException:
        _logger.exception("%s failed, and nobody was left to be told", name)
