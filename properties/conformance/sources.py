"""What the streams of a scenario read from, and what is expected of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, final

from properties.conformance.ground import Ground
from properties.conformance.verdicts import ConformanceError

__all__ = ["Expected", "Source", "texts"]


@final
class Source:
    """Yields what it was told to, and counts what others make of it."""

    def __init__(
        self,
        ground: Ground,
        items: Sequence[Any],
        *,
        fails: Exception | None = None,
        fails_to_clean_up: Exception | None = None,
        pause: float = 0.0,
        clean_up: float = 0.0,
    ) -> None:
        self.given = self.cleaned = 0
        self.opened = False
        self._ground, self._items, self._fails = ground, items, fails
        self._fails_to_clean_up = fails_to_clean_up
        self._pause, self._clean_up = pause, clean_up
        # Kept, or dropping it would close it: closing is the stream's duty.
        self.generator: AsyncGenerator[Any] = self._generate()

    async def _generate(self) -> AsyncGenerator[Any]:
        self.opened = True
        try:
            for item in self._items:
                await self._wait(self._pause)
                self.given += 1
                yield item
            if self._fails is not None:
                raise self._fails
        finally:
            try:
                await self._wait(self._clean_up)
            finally:
                self.cleaned += 1
                # Even if it is cancelled meanwhile.
                if self._fails_to_clean_up is not None:
                    raise self._fails_to_clean_up

    async def _wait(self, seconds: float) -> None:
        await (self._ground.sleep(seconds) if seconds else self._ground.step())

    def check_closed(self, when: str) -> None:
        """Raise unless the clean-up has run, if there was anything to clean up."""
        if self.opened and not self.cleaned:
            raise ConformanceError(f"the source has not cleaned up {when}")


@final
@dataclass(frozen=True, slots=True)
class Expected:
    """What comes out of a stream over ``items``: ``rule`` of them, in this ``order`` or in any."""

    items: Sequence[Any]
    order: bool
    rule: Callable[[list[Any]], list[Any]]

    def of(self, count: int | None = None) -> list[Any]:
        """Return what comes out when the source gives its first ``count`` items and ends."""
        return list(self.rule(list(self.items[:count])))

    def needed(self, taken: int) -> int:
        """Return how many items of the source make the first ``taken`` that come out."""
        wanted = texts(self.of()[:taken])
        for count in range(len(self.items) + 1):
            if texts(self.of(count)[:taken]) == wanted:
                return count
        return len(self.items)

    def check_all(self, received: list[Any], count: int | None = None) -> None:
        """Raise unless ``received`` is all that comes out."""
        expected, got = texts(self.of(count)), texts(received)
        if not self.order:
            expected, got = sorted(expected), sorted(got)
        if expected != got:
            raise ConformanceError(f"{_listed(expected)} should come out, not {_listed(got)}")

    def check_part(self, received: list[Any]) -> None:
        """Raise unless ``received`` is how it begins."""
        self._check_between([], texts(self.of()), texts(received))

    def check_before_error(self, received: list[Any], count: int) -> None:
        """Raise unless ``received`` is what comes out of ``count`` items before an error.

        What only the end could tell, such as a batch that is not full, may be there or not.
        """
        most, full = texts(self.of(count)), texts(self.of())
        if self.order:
            least = [text for text, _ in takewhile(_same, zip(most, full, strict=False))]
        else:
            least = list((Counter(most) & Counter(full)).elements())
        self._check_between(least, most, texts(received))

    def _check_between(self, least: list[str], most: list[str], got: list[str]) -> None:
        if self.order:
            right = len(least) <= len(got) and got == most[: len(got)]
        else:
            right = not Counter(got) - Counter(most) and not Counter(least) - Counter(got)
        if not right:
            raise ConformanceError(
                f"{_listed(most)} should come out, at least {_listed(least)}, not {_listed(got)}"
            )


def _same(texts: tuple[str, str]) -> bool:
    return texts[0] == texts[1]


def texts(items: Sequence[Any]) -> list[str]:
    """Return the items as texts, to be compared."""
    # By text, for 0 equals False and neither should come out as the other.
    return [repr(item) for item in items]


def _listed(texts: list[str]) -> str:
    return ", ".join(texts) or "nothing"
