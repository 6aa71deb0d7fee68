"""Hypothesis strategies: schedules, programs, timings, faults and histories."""
