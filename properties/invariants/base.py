"""What an invariant is: a small object that watches one run, and how to have it watch."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, final

import anyio

from simclock.errors import UsageError
from simclock.simulation.current import current_or_none

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence

__all__ = ["BrokenInvariantError", "Invariant", "holding", "made_by", "watched"]


@final
class BrokenInvariantError(AssertionError):
    """An invariant did not hold; the text says which, when, and what was seen."""


class Invariant(ABC):
    """Watches one run, and raises :class:`BrokenInvariantError` when its promise is broken.

    What is seen while tasks run is remembered, and raised by :meth:`check` as well: a program
    that catches the error on the spot has failed all the same.
    """

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._broken: BrokenInvariantError | None = None

    @property
    @abstractmethod
    def promise(self) -> str:
        """What is promised, in a sentence."""

    def finish(self) -> None:  # noqa: B027 - not every invariant has something to see then
        """Look once more when the run has ended; by default there is nothing left to see."""

    def check(self) -> None:
        """Raise if the promise was broken at any time, or is at the end."""
        if self._broken is None:
            self.finish()
        if self._broken is not None:
            raise self._broken

    @property
    def error(self) -> BrokenInvariantError | None:
        """The first violation that was seen so far."""
        return self._broken

    def broken(self, what: str) -> BrokenInvariantError:
        """Return the error for ``what`` was seen, to be raised where it was; keep the first."""
        simulation = current_or_none()
        when = "" if simulation is None else f" (t={simulation.now:g}s, step {simulation.step})"
        error = BrokenInvariantError(f"{self.promise}: {what}{when}")
        self._broken = self._broken or error
        return error


@asynccontextmanager
async def holding(*invariants: Invariant) -> AsyncGenerator[None]:
    """Check ``invariants`` at the end of the block, unless it fails by itself first.

    A violation seen meanwhile is raised bare, in place of whatever it has become on its way out.

    Raises:
        UsageError: something is not an invariant.
        BrokenInvariantError: one of them does not hold.
    """
    _require(invariants)
    try:
        yield
    except BaseException as error:
        # Somebody who wants out of the process, or Hypothesis out of the example, comes first.
        if isinstance(error, (Exception, anyio.get_cancelled_exc_class())):
            for invariant in invariants:
                if invariant.error is not None and invariant.error is not error:
                    raise invariant.error from error
        raise
    for invariant in invariants:
        invariant.check()


def watched(
    *makers: Callable[[], Invariant],
) -> Callable[[Callable[..., Coroutine[Any, Any, Any]]], Callable[..., Coroutine[Any, Any, Any]]]:
    """Decorate an async test: each call gets new invariants from ``makers``, checked at its end.

    They come first in the test's arguments, in this order. The decorator's one line is all a test
    needs, under ``simclock.explore``, a simulated test, or an ordinary event loop.
    """

    def decorate(
        test: Callable[..., Coroutine[Any, Any, Any]],
    ) -> Callable[..., Coroutine[Any, Any, Any]]:
        @functools.wraps(test)
        async def run(*args: Any, **kwargs: Any) -> Any:
            invariants = made_by(makers)
            async with holding(*invariants):
                return await test(*invariants, *args, **kwargs)

        return run

    return decorate


def made_by(makers: Sequence[Callable[[], Invariant]]) -> tuple[Invariant, ...]:
    """Return a new invariant from each of ``makers``: classes of invariants, or functions.

    Raises:
        UsageError: there are none, or one of them makes something else.
    """
    if not makers:
        raise UsageError("name the invariants that are to watch, as in watch=[MutualExclusion]")
    for maker in makers:
        if not callable(maker):
            raise UsageError(
                f"each run needs invariants of its own: name a class of them, or a function that "
                f"makes one, not {maker!r}"
            )
    invariants = tuple(maker() for maker in makers)
    _require(invariants)
    return invariants


def _require(invariants: tuple[object, ...]) -> None:
    for invariant in invariants:
        if not isinstance(invariant, Invariant):
            raise UsageError(
                f"an invariant is an object of a subclass of Invariant, not {invariant!r}"
            )
