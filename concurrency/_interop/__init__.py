"""How blocking code waits for async code, and the other way round; `interop` is public."""
