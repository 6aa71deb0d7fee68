"""Staying up while others fail; `concurrency.resilience` lists what is public."""
