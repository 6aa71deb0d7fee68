"""Structured concurrency on AnyIO, for asyncio and trio alike."""
