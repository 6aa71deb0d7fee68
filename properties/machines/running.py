"""One run of a program for a machine, recorded, and held to the model."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast, final

import anyio
from hypothesis.errors import HypothesisException

from properties.linearizability import NotLinearizableError, Recorder, assert_linearizable
from properties.machines.programs import Cancel, Command, MachineProgram
from properties.machines.rules import rules_of
from properties.models import Model
from simclock.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run_program"]

_ALONE = "main"


async def run_program(machine: Any, program: MachineProgram) -> None:
    """Run ``program`` on ``machine``, and raise what is wrong with it."""
    await _Run(machine).whole(program)


@final
class _Run:
    """A machine under way."""

    def __init__(self, machine: Any) -> None:
        self._machine = machine
        self._invariants = rules_of(machine.__class__).invariants
        self._recorder = Recorder(cut_off=machine.cut_off)
        self._scopes: dict[int, anyio.CancelScope] = {}
        self._raised: list[Exception] = []
        self._failure: Exception | None = None

    async def whole(self, program: MachineProgram) -> None:
        await self._machine.setup()
        for command in program.prepares:
            await getattr(self._machine, command.rule.name)(*command.args)
        model: Any = self._machine.model
        if not isinstance(cast("object", model), Model):
            raise UsageError(
                f"{type(self._machine).__qualname__} has no model to be held to: set 'model' to "
                f"an object of a subclass of Model, not {model!r}"
            )
        await self._check_invariants()
        with anyio.move_on_after(self._machine.patience):
            for command in program.beginning:
                await self._call(command, 0)
                await self._check_invariants()
            async with anyio.create_task_group() as group:
                for number, commands in enumerate(program.tasks, 1):
                    group.start_soon(self._task, number, commands, group, name=f"task_{number}")
        await self._end(program, model)

    async def _end(self, program: MachineProgram, model: Model[Any]) -> None:
        if self._failure is not None:
            raise self._failure
        await self._check_invariants()
        with anyio.move_on_after(self._machine.patience):
            for command in program.ending:
                await self._call(command, 0)
                await self._check_invariants()
        try:
            assert_linearizable(self._recorder.history(), model)
        except NotLinearizableError as error:
            # A call may have raised what the model knows nothing of: its traceback tells where.
            raise error from (self._raised[0] if self._raised else None)
        await self._machine.teardown()

    async def _task(self, number: int, commands: Sequence[Command | Cancel], group: Any) -> None:
        try:
            for command in commands:
                if isinstance(command, Command):
                    await self._call(command, number)
                elif command.task in self._scopes:
                    self._scopes[command.task].cancel()
        except Exception as error:  # noqa: BLE001 - raised when all have ended, without a group
            self._failure = self._failure or error
            group.cancel_scope.cancel()

    async def _call(self, command: Command, number: int) -> None:
        if not all(holds(self._machine) for holds in command.rule.conditions):
            return
        method = getattr(self._machine, command.rule.name)
        task = f"task_{number}" if number else _ALONE
        with anyio.CancelScope() as scope:
            self._scopes[number] = scope
            try:
                await self._recorder.call(command.rule.name, method, *command.args, task=task)
            except (AssertionError, UsageError, HypothesisException):
                raise
            except Exception as error:  # noqa: BLE001 - a response, for the model to explain
                self._raised.append(error)
            finally:
                del self._scopes[number]

    async def _check_invariants(self) -> None:
        for name in self._invariants:
            answer = getattr(self._machine, name)()
            if inspect.isawaitable(answer):
                await answer
