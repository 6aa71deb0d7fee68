"""The parts of the command line: its arguments, its targets, its texts."""
