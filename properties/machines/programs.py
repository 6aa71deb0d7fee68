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
    """What one example does: a beginning by one task, then tasks at once, then an ending by one."""

    machine: str
    prepares: tuple[Command, ...] = ()
    beginning: tuple[Command, ...] = ()
    tasks: tuple[tuple[Command | Cancel, ...], ...] = ()
    ending: tuple[Command, ...] = ()

    def __repr__(self) -> str:
        """Return the program as code."""
        lines = [f"machine = {self.machine}()", "await machine.setup()"]
        lines += [repr(command) for command in (*self.prepares, *self.beginning)]
        for number, commands in enumerate(self.tasks, 1):
            lines += [f"async def task_{number}():  # at once with the others"]
            lines += [f"    {command!r}" for command in commands]
        if self.ending:
            lines += ["# when all tasks have ended", *map(repr, self.ending)]
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
        choices.append(st.integers(1, tasks - 1).map(Cancel))
    # Each call says by itself in which task it is made: leaving one out moves no other.
    # Twice the tasks, for one of the beginning and of the ending: it is about them.
    places = (0, *range(1, tasks + 1), *range(1, tasks + 1), tasks + 1)
    each = st.tuples(st.sampled_from(places), st.one_of(choices))
    # Two lists, as Hypothesis makes a long one about five long at first.
    half = commands // 2
    placed = st.tuples(st.lists(each, max_size=commands - half), st.lists(each, max_size=half))
    prepares = st.tuples(*map(_call, declared.prepares))
    return _arranged(machine.__qualname__, tasks, prepares, placed)


def _call(declared: Rule) -> st.SearchStrategy[Command]:
    arguments = st.tuples(*(strategy for _, strategy in declared.strategies))
    return arguments.map(lambda args: Command(declared, args))


# A composite, as what comes of ``builds`` is not shown as itself.
@st.composite
def _arranged(
    draw: st.DrawFn,
    machine: str,
    most: int,
    preparing: st.SearchStrategy[tuple[Command, ...]],
    placing: st.SearchStrategy[tuple[list[tuple[int, Command | Cancel]], ...]],
) -> MachineProgram:
    prepares = draw(preparing)
    placed = [each for part in draw(placing) for each in part]
    calls = [(place, each) for place, each in placed if isinstance(each, Command)]
    used = dict.fromkeys(place for place, _ in calls if 0 < place <= most)
    numbers = {place: number for number, place in enumerate(used, 1)}
    tasks: list[list[Command | Cancel]] = [[] for _ in numbers]
    for place, each in placed:
        if place not in numbers:
            continue
        if isinstance(each, Cancel):
            # So many tasks further on: whichever there are, it is another one's call.
            others = [number for number in numbers.values() if number != numbers[place]]
            if not others:
                continue
            each = Cancel(others[(each.task - 1) % len(others)])  # noqa: PLW2901 - now it is known
        tasks[numbers[place] - 1].append(each)
    return MachineProgram(
        machine,
        prepares,
        beginning=tuple(each for place, each in calls if place == 0),
        tasks=tuple(map(tuple, tasks)),
        ending=tuple(each for place, each in calls if place > most),
    )
