"""What the methods of a machine are for: rules, preparations, conditions and invariants."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast, final

from hypothesis import strategies as st

from simclock.errors import UsageError

__all__ = ["Rule", "Rules", "initialize", "invariant", "precondition", "rule", "rules_of"]

Method = Callable[..., Coroutine[Any, Any, Any]]
MethodT = TypeVar("MethodT", bound=Callable[..., Any])
_STRATEGIES: Final = "_machine_strategies"
_PREPARES: Final = "_machine_prepares"
_CONDITIONS: Final = "_machine_conditions"
_INVARIANT: Final = "_machine_invariant"


@final
@dataclass(frozen=True, slots=True)
class Rule:
    """A method that a program may call: its name, its arguments, and when it may be called."""

    name: str
    strategies: tuple[tuple[str, st.SearchStrategy[Any]], ...]
    conditions: tuple[Callable[[Any], object], ...]


@final
@dataclass(frozen=True, slots=True)
class Rules:
    """What a class of machines declares, in the order in which it does."""

    rules: tuple[Rule, ...]
    prepares: tuple[Rule, ...]
    invariants: tuple[str, ...]


def rule(**strategies: st.SearchStrategy[Any]) -> Callable[[MethodT], MethodT]:
    """Make an async method a rule: a call that any task may make, with arguments as drawn.

    The model knows the call by the method's name, with the arguments in the method's order, and
    has to explain what the method returns or raises. An ``AssertionError`` is a failure as it is.

    Raises:
        UsageError: the method is not async, or its parameters are not those that are drawn.
    """
    return _declare("rule", strategies, prepares=False)


def initialize(**strategies: st.SearchStrategy[Any]) -> Callable[[MethodT], MethodT]:
    """Make an async method one that runs once, before all rules, with arguments as drawn.

    The model does not see it; it may set ``self.model``. What it raises is a failure.

    Raises:
        UsageError: the method is not async, or its parameters are not those that are drawn.
    """
    return _declare("initialize", strategies, prepares=True)


def precondition(holds: Callable[[Any], object]) -> Callable[[MethodT], MethodT]:
    """Leave a rule out where ``holds(machine)`` is false at the time when its turn has come.

    Other tasks may make it false again while the rule runs.
    """

    def decorate(method: MethodT) -> MethodT:
        setattr(method, _CONDITIONS, (*getattr(method, _CONDITIONS, ()), holds))
        return method

    return decorate


def invariant() -> Callable[[MethodT], MethodT]:
    """Call a method, async or not, whenever no rule is under way; it raises if something is wrong.

    That is after the preparations, after each call of the beginning and of the ending, which are
    one task's alone, and when all tasks have ended.
    """

    def decorate(method: MethodT) -> MethodT:
        setattr(method, _INVARIANT, True)
        return method

    return decorate


def rules_of(machine: type[Any]) -> Rules:
    """Return what the class ``machine`` and its bases declare, bases first."""
    names: dict[str, None] = {}
    for base in reversed(machine.__mro__):
        names.update(dict.fromkeys(vars(base)))
    rules: list[Rule] = []
    prepares: list[Rule] = []
    invariants: list[str] = []
    for name in names:
        method = inspect.getattr_static(machine, name)
        if getattr(method, _INVARIANT, False):
            invariants.append(name)
        if hasattr(method, _STRATEGIES):
            found = Rule(name, getattr(method, _STRATEGIES), getattr(method, _CONDITIONS, ()))
            (prepares if getattr(method, _PREPARES) else rules).append(found)
    return Rules(tuple(rules), tuple(prepares), tuple(invariants))


def _declare(
    kind: str, strategies: dict[str, st.SearchStrategy[Any]], *, prepares: bool
) -> Callable[[MethodT], MethodT]:
    for name, strategy in strategies.items():
        if not isinstance(cast("object", strategy), st.SearchStrategy):
            raise UsageError(
                f"{kind}() takes strategies, such as st.integers(), not {name}={strategy!r}"
            )

    def decorate(method: MethodT) -> MethodT:
        name = getattr(method, "__qualname__", repr(method))
        if not inspect.iscoroutinefunction(method):
            raise UsageError(
                f"{name} is not an async function: a {kind} runs beside others, so write "
                f"'async def {getattr(method, '__name__', name)}'"
            )
        parameters = list(inspect.signature(method).parameters)[1:]
        if set(parameters) != set(strategies):
            raise UsageError(
                f"{name} has the parameters {parameters!r}, and @{kind} draws "
                f"{list(strategies)!r}: name a strategy for each"
            )
        setattr(method, _STRATEGIES, tuple((each, strategies[each]) for each in parameters))
        setattr(method, _PREPARES, prepares)
        return method

    return decorate
