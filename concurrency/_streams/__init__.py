"""How streams are made: one idea a file; `concurrency.stream` lists what is public."""
