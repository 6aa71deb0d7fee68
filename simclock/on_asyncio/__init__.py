"""Simulated asyncio."""
