"""Concurrent state machines: rules that run in tasks at once, held to a sequential model."""

from properties.machines.machine import ConcurrentStateMachine, run_machine
from properties.machines.programs import Cancel, Command, MachineProgram, programs
from properties.machines.rules import initialize, invariant, precondition, rule

__all__ = [
    "Cancel",
    "Command",
    "ConcurrentStateMachine",
    "MachineProgram",
    "initialize",
    "invariant",
    "precondition",
    "programs",
    "rule",
    "run_machine",
]
