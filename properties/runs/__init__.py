"""Simulated runs whose decisions Hypothesis draws."""
