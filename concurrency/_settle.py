"""Waiting that no cancellation can cut short, native ones included."""

from __future__ import annotations

import anyio

__all__ = ["settle"]


async def settle(event: anyio.Event) -> BaseException | None:
    """Wait for ``event`` to the end, whatever cancels the caller meanwhile.

    For the moments in which leaving early would orphan something: a thread that cannot be
    stopped, a task that is cleaning up. The caller must know that ``event`` will be set.

    A scope's cancellation is kept out and is felt at the next checkpoint. A native one
    (``Task.cancel()`` on asyncio) is delivered once only, so it is returned, the first of them,
    and **the caller must raise it** once it has put its things in order.
    """
    cancelled = anyio.get_cancelled_exc_class()
    interruption: BaseException | None = None
    with anyio.CancelScope(shield=True):
        while not event.is_set():
            try:
                await event.wait()
            except cancelled as exc:
                interruption = interruption or exc
    return interruption
