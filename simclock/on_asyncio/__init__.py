"""Simulated asyncio."""

from simclock.on_asyncio.factory import asyncio_backend, new_event_loop

__all__ = ["asyncio_backend", "new_event_loop"]
