"""The synchronisation primitives, one idea a file."""
