"""The fixtures of one run: made in pytest's order, undone in the reverse."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

from simclock.errors import UsageError
from simclock.pytest_plugin import _seams
from simclock.pytest_plugin.foreign import stand_in
from simclock.pytest_plugin.recipes import Definition, Recipes
from simclock.pytest_plugin.requests import WorldRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Generator

__all__ = ["Setting"]


@final
class Setting:
    """What one run of a simulated test has around it: an instance of its class, its fixtures."""

    def __init__(self, recipes: Recipes, test: Callable[..., Any]) -> None:
        """Prepare a run of ``test``; nothing is made yet."""
        self.item = recipes.item
        self._recipes = recipes
        self._values: dict[Definition, Any] = {}
        # Whatever undoes something, the latest last: a plain call, or a generator of either kind.
        self._undo: list[tuple[str, Any]] = []
        self.instance: Any = None
        self.test = test
        bound_to: object = getattr(test, "__self__", None)
        if bound_to is not None and not isinstance(bound_to, type):
            # What one run leaves on self is nothing to the next.
            self.instance = type(bound_to)()
            self.test = _bind(test, self.instance)

    async def furnish(self) -> dict[str, Any]:
        """Make every fixture of the test and return the arguments to call it with."""
        for name in self._recipes.names():
            await self._obtain(name, ())
        return {name: await self._obtain(name, ()) for name in _seams.argument_names(self.item)}

    def add_finalizer(self, name: str, finalizer: Callable[[], object]) -> None:
        """Call ``finalizer`` for the fixture ``name`` when the run ends."""
        self._undo.append((name, finalizer))

    def obtain_now(self, name: str, chain: tuple[Definition, ...]) -> Any:
        """Return the value of ``name`` without waiting, for code that cannot."""
        definitions = self._recipes.definitions(name) if name != "request" else ()
        level = _level(name, chain)
        if -level <= len(definitions):
            definition = definitions[level]
            if definition not in self._values and self._recipes.needs_await(definition):
                raise UsageError(
                    f"fixture {name!r} is async, and getfixturevalue() cannot wait for it: "
                    f"name {name!r} as an argument, or in @pytest.mark.usefixtures"
                )
        return _run_without_waiting(self._obtain(name, chain))

    async def _obtain(self, name: str, chain: tuple[Definition, ...]) -> Any:
        """Return the value of ``name`` for the last fixture of ``chain``, or for the test."""
        __tracebackhide__ = True
        if name == "request":
            return WorldRequest(self, chain)
        definitions, level = self._recipes.definitions(name), _level(name, chain)
        if -level > len(definitions):
            # There is no such fixture: pytest's own message lists those there are.
            return _seams.request_of(self.item).getfixturevalue(name)
        definition = definitions[level]
        if definition in self._values:
            return self._values[definition]
        if not self._recipes.is_inside(definition):
            return self._outside(name, level)
        value = self._values[definition] = await self._make(definition, chain)
        return value

    def _outside(self, name: str, level: int) -> Any:
        if level < -1:
            return _seams.overridden_value(self.item, name, level)
        return _seams.request_of(self.item).getfixturevalue(name)

    async def _make(self, definition: Definition, chain: tuple[Definition, ...]) -> Any:
        __tracebackhide__ = True
        name, chain = definition.argname, (*chain, definition)
        if definition in chain[:-1]:
            raise UsageError(
                f"fixture {name!r} asks for itself: {' → '.join(d.argname for d in chain)}"
            )
        arguments = {each: await self._obtain(each, chain) for each in definition.argnames}
        foreign = stand_in(definition)
        function: Any = foreign or _bind(definition.func, self.instance)
        if inspect.isasyncgenfunction(function):
            steps: AsyncGenerator[Any, None] = function(**arguments)
            value = await _first(steps, name)
            self._undo.append((name, steps))
            return value
        if inspect.iscoroutinefunction(function):
            return await function(**arguments)
        if inspect.isgeneratorfunction(function):
            generator: Generator[Any, None, None] = function(**arguments)
            try:
                value = next(generator)
            except StopIteration:
                raise _no_yield(name) from None
            self._undo.append((name, generator))
            return value
        return function(**arguments)

    async def clear(self) -> list[tuple[str, BaseException]]:
        """Undo everything, the latest first; return what failed in it, by fixture."""
        errors: list[tuple[str, BaseException]] = []
        while self._undo:
            name, undo = self._undo.pop()
            try:
                if inspect.isasyncgen(undo):
                    await _last_async(undo, name)
                else:
                    _undo_now(undo, name)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - the other fixtures are undone all the same
                errors.append((name, error))
        return errors

    def abandon(self) -> None:
        """Undo what can be undone without a loop, after a run that was broken off.

        Async generators are left to the world, which has been torn down. What fails here fails
        because the run was broken off, and is no news.
        """
        while self._undo:
            name, undo = self._undo.pop()
            if not inspect.isasyncgen(undo):
                try:
                    _undo_now(undo, name)
                except Exception as error:  # noqa: BLE001 - as the docstring says
                    del error


def _level(name: str, chain: tuple[Definition, ...]) -> int:
    """Return which definition of ``name`` is meant: a fixture asking for its own gets the next."""
    return -1 - sum(definition.argname == name for definition in chain)


def _bind(function: Callable[..., Any], instance: object) -> Callable[..., Any]:
    """Return ``function`` bound to ``instance``, if it is a method of such instances."""
    bound_to: object = getattr(function, "__self__", None)
    if instance is None or bound_to is None or isinstance(bound_to, type):
        return function
    if not isinstance(instance, type(bound_to)):
        # A fixture of a plugin's class, not of the test's.
        return function
    plain: Any = getattr(function, "__func__", function)
    return plain.__get__(instance)  # type: ignore[no-any-return]


async def _first(steps: AsyncGenerator[Any, None], name: str) -> Any:
    __tracebackhide__ = True
    try:
        return await anext(steps)
    except StopAsyncIteration:
        raise _no_yield(name) from None


async def _last_async(steps: AsyncGenerator[Any, Any], name: str) -> None:
    __tracebackhide__ = True
    try:
        await anext(steps)
    except StopAsyncIteration:
        return
    await steps.aclose()
    raise _second_yield(name)


def _undo_now(undo: Any, name: str) -> None:
    __tracebackhide__ = True
    if not inspect.isgenerator(undo):
        undo()
        return
    try:
        next(undo)
    except StopIteration:
        return
    undo.close()
    raise _second_yield(name)


def _no_yield(name: str) -> ValueError:
    return ValueError(f"{name} did not yield a value")


def _second_yield(name: str) -> UsageError:
    return UsageError(
        f"fixture {name!r} yields a second time: what follows its one 'yield' undoes it"
    )


def _run_without_waiting(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise UsageError("a fixture waited although none of its functions is async")
