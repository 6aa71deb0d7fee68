"""Deterministic simulation testing for async Python."""
