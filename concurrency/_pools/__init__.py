"""How work leaves the event loop's thread and comes back; `pool` and `interop` are public."""
