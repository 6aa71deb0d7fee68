"""Programs for a machine: a beginning, and what tasks call at once; drawn, and printed as code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from hypothesis import strategies as st

from properties.machines.rules import Rule, rules_of

__all__ = ["Cancel", "Command", "MachineProgram", "programs"]


@final
@dataclass(frozen=True, slots=True)
class Command:
    """One call of a rule."""

    rule: Rule
    args: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        """Return the call as code."""
        named = zip(self.rule.strategies, self.args, strict=True)
        return f"await machine.{self.rule.name}({', '.join(f'{n}={v!r}' for (n, _), v in named)})"


@final
@dataclass(frozen=True, slots=True)
class Cancel:
    """Cuts off the call that task number ``task`` is in, if it is in one; the task goes on."""

    task: int

    def __repr__(self) -> str:
        """Return it as code."""
        return f"cancel(task_{self.task})"


@final
@dataclass(frozen=True, slots=True)
class MachineProgram:
    """What one example does: preparations, a beginning by one task, then tasks at once."""

    machine: str
    prepares: tuple[Command, ...] = ()
    beginning: tuple[Command, ...] = ()
    tasks: tuple[tuple[Command | Cancel, ...], ...] = ()

    def __repr__(self) -> str:
        """Return the program as code."""
        lines = [f"machine = {self.machine}()", "await machine.setup()"]
        lines += [repr(command) for command in (*self.prepares, *self.beginning)]
        for number, commands in enumerate(self.tasks, 1):
            lines += [f"async def task_{number}():  # at once with the others"]
            lines += [f"    {command!r}" for command in commands]
        return "\n    ".join(["", *lines])

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - the protocol's
        printer.text(repr(self))


def programs(
    machine: type[Any], *, tasks: int, commands: int, cancel: bool
) -> st.SearchStrategy[MachineProgram]:
    """Return a strategy of programs of up to ``commands`` calls by up to ``tasks`` tasks at once.

    They shrink towards fewer calls, by fewer tasks, at the beginning.
    """
    declared = rules_of(machine)
    choices: list[st.SearchStrategy[Command | Cancel]] = [_call(each) for each in declared.rules]
    if cancel and tasks > 1:
        choices.append(st.integers(1, tasks).map(Cancel))
    # Each call says by itself in which task it is made: leaving one out moves no other.
    placed = st.lists(st.tuples(st.integers(0, tasks), st.one_of(choices)), max_size=commands)
    prepares = st.tuples(*map(_call, declared.prepares))
    return _arranged(machine.__qualname__, prepares, placed)


def _call(declared: Rule) -> st.SearchStrategy[Command]:
    arguments = st.tuples(*(strategy for _, strategy in declared.strategies))
    return arguments.map(lambda args: Command(declared, args))


# A composite, as what comes of ``builds`` is not shown as itself.
@st.composite
def _arranged(
    draw: st.DrawFn,
    machine: str,
    preparing: st.SearchStrategy[tuple[Command, ...]],
    placing: st.SearchStrategy[list[tuple[int, Command | Cancel]]],
) -> MachineProgram:
    prepares, placed = draw(preparing), draw(placing)
    used = dict.fromkeys(place for place, each in placed if place and isinstance(each, Command))
    numbers = {place: number for number, place in enumerate(used, 1)}
    beginning: list[Command] = []
    tasks: list[list[Command | Cancel]] = [[] for _ in numbers]
    for place, each in placed:
        if isinstance(each, Cancel):
            # One that hits nobody, or its own task between two calls, would do nothing.
            if place in numbers and each.task in numbers and place != each.task:
                tasks[numbers[place] - 1].append(Cancel(numbers[each.task]))
        elif place:
            tasks[numbers[place] - 1].append(each)
        else:
            beginning.append(each)
    return MachineProgram(machine, prepares, tuple(beginning), tuple(map(tuple, tasks)))
