"""Named random streams: one seed, one independent stream for each purpose."""

from __future__ import annotations

import hashlib
import random

__all__ = ["derive_seed", "stream"]


def derive_seed(seed: int, *purpose: int | str) -> int:
    """Return a 63-bit seed for ``purpose``, the same on every machine and in every process.

    Streams of different purposes never share draws, so adding one shifts no other.
    """
    text = "/".join(str(part) for part in (seed, *purpose))
    # A cryptographic digest rather than hash(): that one differs from process to process.
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def stream(seed: int, *purpose: int | str) -> random.Random:
    """Return the random stream of ``seed`` for ``purpose``."""
    return random.Random(derive_seed(seed, *purpose))
