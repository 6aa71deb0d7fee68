"""A place where tasks wait for each other."""

from __future__ import annotations

from typing import final

from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from concurrency._primitives.waiters import Line, Waiter
from concurrency._validation import check_count, check_timeout
from concurrency.errors import BrokenBarrierError

__all__ = ["Barrier"]


@final
class _Place:
    """A party's number, and whether its round was broken."""

    __slots__ = ("broken", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.broken = False


@final
class Barrier:
    """Opens when ``parties`` tasks have come, for all of them at once; then the next round begins.

    It never opens for fewer. A party that leaves before it opened (cancelled, or its timeout
    over) breaks it: everybody who waits, and everybody who comes until ``reset()``, gets
    ``BrokenBarrierError``. A party cancelled after it opened has been counted and breaks nothing.

    Raises:
        TypeError: ``parties`` is not a whole number.
        ValueError: ``parties`` is below 1.
    """

    __slots__ = ("__weakref__", "_broken", "_line", "_parties")

    def __init__(self, parties: int) -> None:
        self._parties = check_count(parties, name="parties", minimum=1)
        self._broken = False
        self._line: Line[_Place] = Line()

    async def wait(self, *, timeout: float | None = None) -> int:
        """Wait for the other parties; return this one's place, 0 for the first to come.

        Always a checkpoint.

        Raises:
            BrokenBarrierError: the barrier is broken, or was broken or reset meanwhile, or
                ``timeout`` seconds passed, which breaks it.
            TypeError: ``timeout`` is not a number.
            ValueError: ``timeout`` is NaN.
        """
        seconds = check_timeout(timeout)
        await checkpoint_if_cancelled()
        if self._broken:
            raise BrokenBarrierError
        number = len(self._line)
        if number + 1 == self._parties:
            self._release_all()
            await checkpoint()
            return number
        waiter = self._line.join(_Place(number))
        try:
            came = await self._line.wait(waiter, _stay_counted, timeout=seconds)
        except BaseException:
            if not waiter.served:
                self._break()
            raise
        if not came:
            self._break()
            raise BrokenBarrierError(
                f"the other parties did not come within {seconds} s; reset() mends the barrier"
            )
        if waiter.load.broken:
            raise BrokenBarrierError
        return number

    def reset(self) -> None:
        """Begin a new round with nobody there; who waits gets ``BrokenBarrierError``."""
        self._release_all(broken=True)
        self._broken = False

    @property
    def parties(self) -> int:
        """How many tasks open the barrier."""
        return self._parties

    @property
    def n_waiting(self) -> int:
        """How many tasks wait in this round."""
        return len(self._line)

    @property
    def broken(self) -> bool:
        """Whether a party left, and nobody can pass until ``reset()``."""
        return self._broken

    def _break(self) -> None:
        self._broken = True
        self._release_all(broken=True)

    def _release_all(self, *, broken: bool = False) -> None:
        while self._line:
            self._line.serve().load.broken = broken


def _stay_counted(_waiter: Waiter[_Place]) -> None:
    """Undo nothing: the barrier opened with this party, and the others are on their way."""
