"""Concurrent state machines: a class declares rules, and Hypothesis runs them in tasks at once."""

from __future__ import annotations

import functools
import unittest
from typing import TYPE_CHECKING, Any, Final, cast, final

import hypothesis

from properties.machines.programs import MachineProgram, programs
from properties.machines.rules import rules_of
from properties.machines.running import run_program
from properties.models import Model
from properties.runs.run import LIMITS, run_drawn
from properties.strategies.drawn import DrawnSchedule
from properties.strategies.schedules import schedules
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from properties.linearizability.recorder import CutOff

__all__ = ["ConcurrentStateMachine", "run_machine"]

# On the class itself: a subclass has a test case of its own.
_MADE: Final = "_made_test_case"
_SETTINGS: Final = hypothesis.settings(deadline=None)


class MachineTestCase(unittest.TestCase):
    """Runs a machine, with the ``settings`` of this class."""

    settings: hypothesis.settings = _SETTINGS
    machine: type[ConcurrentStateMachine]

    def runTest(self) -> None:  # noqa: N802 - the name that unittest calls
        """Run the machine."""
        run_machine(self.machine, settings=self.settings)


@final
class _TestCaseOf:
    """Makes ``Machine.TestCase`` a class that pytest and unittest collect."""

    def __get__(self, _: object, machine: type[ConcurrentStateMachine]) -> type[MachineTestCase]:
        made: type[MachineTestCase] | None = machine.__dict__.get(_MADE)
        if made is None:
            about = {
                "__doc__": MachineTestCase.__doc__,
                "__module__": machine.__module__,
                "__qualname__": f"{machine.__qualname__}.TestCase",
                "machine": machine,
            }
            made = type(f"{machine.__name__}TestCase", (MachineTestCase,), about)
            setattr(machine, _MADE, made)
        return made


class ConcurrentStateMachine:
    """A state machine whose rules run in several tasks at once, held to a sequential model.

    A subclass sets ``model``, makes what it tests in :meth:`setup`, and declares async methods
    with :func:`rule`. One example is a beginning of calls by one task, then tasks that call at
    once, an ending by one again, and a schedule; Hypothesis draws and shrinks all of it together.
    There has to be one order of the calls in which the model gives each the response that it had.
    Run it with :func:`run_machine`, or let pytest collect ``TestName = Machine.TestCase``.
    """

    model: Model[Any] | None = None
    """What explains the calls; :meth:`setup` and preparations may set it for one example."""
    backend: str | Sequence[str] = "asyncio"
    """``"asyncio"``, ``"trio"``, or a tuple of both: then each example has one of them."""
    tasks: int = 3
    """How many tasks call at once, at most."""
    commands: int = 16
    """How many calls an example has, at most."""
    cancel: bool = False
    """Whether a task may cut off the call that another one is in."""
    cut_off: CutOff = "open"
    """What a call may have done that was cut off, as :class:`~properties.Recorder` takes it."""
    patience: float | None = None
    """After how many simulated seconds calls that still wait are cut off, and the example ends.

    With ``None`` a call that waits for ever is a failure, a :class:`~simclock.DeadlockError`.
    """

    TestCase: Final = _TestCaseOf()
    """A ``unittest.TestCase`` that runs the machine; its ``settings`` are Hypothesis's."""

    async def setup(self) -> None:
        """Make what is tested, in the simulated world; called first in each example."""

    async def teardown(self) -> None:
        """Clean up; called last in each example in which nothing was wrong."""


def run_machine(
    machine: type[ConcurrentStateMachine],
    *,
    backend: str | Sequence[str] | None = None,
    tasks: int | None = None,
    settings: hypothesis.settings | None = None,
) -> None:
    """Search for an example in which ``machine`` breaks its promises, and raise the smallest.

    ``backend`` and ``tasks`` are the machine's own unless given. The report shows the calls as
    code, by task, the history as a picture, and the schedule in words.

    Raises:
        NotLinearizableError: no order of the calls is one of the model.
        UsageError: the machine has no rules or no model, or an option is not of its form.
    """
    require_machine(machine)
    tasks = machine.tasks if tasks is None else tasks
    if tasks < 1 or machine.commands < 1:
        raise UsageError(
            f"tasks and commands are whole numbers >= 1, not {tasks!r} and {machine.commands!r}"
        )
    drawn = schedules(backend=machine.backend if backend is None else backend)
    drawn_programs = programs(
        machine, tasks=tasks, commands=machine.commands, cancel=machine.cancel
    )

    # Nobody who has a machine has a main to be replayed.
    again = f"run_machine({machine.__qualname__}), which takes this example from the database first"

    def run(program: MachineProgram, schedule: DrawnSchedule) -> None:
        main = functools.partial(run_program, machine(), program)
        run_drawn(schedule, main, (), limits=LIMITS, replay=again)

    # The example database tells tests apart by their signatures, and this one serves them all.
    run.__annotations__["program"] = machine
    test = hypothesis.given(program=drawn_programs, schedule=drawn)(run)
    (settings or _SETTINGS)(test)()


def require_machine(machine: object) -> None:
    """Refuse what is no class of machines, or has nothing to run."""
    if not (isinstance(machine, type) and issubclass(machine, ConcurrentStateMachine)):
        raise UsageError(
            f"run_machine() takes a subclass of ConcurrentStateMachine, not {machine!r}"
        )
    if not rules_of(machine).rules:
        raise UsageError(
            f"{machine.__qualname__} has no rules: decorate the async methods that its tasks are "
            "to call with @rule()"
        )
    if not isinstance(cast("object", machine.model), Model | None):
        raise UsageError(
            f"the model of {machine.__qualname__} is an object of a subclass of Model, such as "
            f"QueueModel(), not {machine.model!r}"
        )
