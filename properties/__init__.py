"""Hypothesis searches the schedules: invariants, models and conformance kits."""
