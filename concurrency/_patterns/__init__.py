"""Ways to run several things at once, one idea a file."""
