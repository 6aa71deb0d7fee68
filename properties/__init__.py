"""Hypothesis searches the schedules: invariants, models and conformance kits.

A name is imported when it is first asked for, so that a part which needs no Hypothesis, the pytest
plugin above all, can be had without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from properties.invariants import (
        BrokenInvariantError,
        CancellationArrives,
        CleanUpOnce,
        ClockNeverRunsBack,
        ConservedItems,
        ConservedPermits,
        FailuresArrive,
        FirstInFirstOut,
        Invariant,
        MutualExclusion,
        NoStarvation,
        NoTaskOutlivesItsGroup,
        ScopesEndInTime,
        ShieldsHold,
        holding,
        watched,
    )
    from properties.linearizability import (
        Call,
        Ending,
        History,
        NotLinearizableError,
        Recorder,
        SearchLimitError,
        Verdict,
        assert_linearizable,
        check_linearizability,
    )
    from properties.machines import ConcurrentStateMachine, run_machine
    from properties.models import (
        ANY,
        BarrierModel,
        ConditionModel,
        CounterModel,
        LockModel,
        Model,
        PriorityQueueModel,
        QueueModel,
        Raised,
        RegisterModel,
        Request,
        SemaphoreModel,
        SetModel,
    )
    from properties.runs.decorators import given, simulated
    from properties.runs.run import simulate
    from properties.strategies.drawn import CALM, DrawnSchedule, Wish
    from properties.strategies.fault_plans import Fault, FaultPlan, fault_plans
    from properties.strategies.histories import histories
    from properties.strategies.programs import PlannedError, Program
    from properties.strategies.schedules import schedules
    from properties.strategies.task_trees import task_trees
    from properties.strategies.timings import timings

__all__ = [
    "ANY",
    "CALM",
    "BarrierModel",
    "BrokenInvariantError",
    "Call",
    "CancellationArrives",
    "CleanUpOnce",
    "ClockNeverRunsBack",
    "ConcurrentStateMachine",
    "ConditionModel",
    "ConservedItems",
    "ConservedPermits",
    "CounterModel",
    "DrawnSchedule",
    "Ending",
    "FailuresArrive",
    "Fault",
    "FaultPlan",
    "FirstInFirstOut",
    "History",
    "Invariant",
    "LockModel",
    "Model",
    "MutualExclusion",
    "NoStarvation",
    "NoTaskOutlivesItsGroup",
    "NotLinearizableError",
    "PlannedError",
    "PriorityQueueModel",
    "Program",
    "QueueModel",
    "Raised",
    "Recorder",
    "RegisterModel",
    "Request",
    "ScopesEndInTime",
    "SearchLimitError",
    "SemaphoreModel",
    "SetModel",
    "ShieldsHold",
    "Verdict",
    "Wish",
    "assert_linearizable",
    "check_linearizability",
    "fault_plans",
    "given",
    "histories",
    "holding",
    "run_machine",
    "schedules",
    "simulate",
    "simulated",
    "task_trees",
    "timings",
    "watched",
]

# Which submodule has which of these names.
_HOMES = {
    "invariants": (
        "BrokenInvariantError",
        "CancellationArrives",
        "CleanUpOnce",
        "ClockNeverRunsBack",
        "ConservedItems",
        "ConservedPermits",
        "FailuresArrive",
        "FirstInFirstOut",
        "Invariant",
        "MutualExclusion",
        "NoStarvation",
        "NoTaskOutlivesItsGroup",
        "ScopesEndInTime",
        "ShieldsHold",
        "holding",
        "watched",
    ),
    "linearizability": (
        "Call",
        "Ending",
        "History",
        "NotLinearizableError",
        "Recorder",
        "SearchLimitError",
        "Verdict",
        "assert_linearizable",
        "check_linearizability",
    ),
    "machines": ("ConcurrentStateMachine", "run_machine"),
    "models": (
        "ANY",
        "BarrierModel",
        "ConditionModel",
        "CounterModel",
        "LockModel",
        "Model",
        "PriorityQueueModel",
        "QueueModel",
        "Raised",
        "RegisterModel",
        "Request",
        "SemaphoreModel",
        "SetModel",
    ),
    "runs.decorators": (
        "given",
        "simulated",
    ),
    "runs.run": ("simulate",),
    "strategies.drawn": (
        "CALM",
        "DrawnSchedule",
        "Wish",
    ),
    "strategies.fault_plans": (
        "Fault",
        "FaultPlan",
        "fault_plans",
    ),
    "strategies.histories": ("histories",),
    "strategies.programs": (
        "PlannedError",
        "Program",
    ),
    "strategies.schedules": ("schedules",),
    "strategies.task_trees": ("task_trees",),
    "strategies.timings": ("timings",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

# No subpackage may bear a public name: importing it would put the subpackage in the name's place.
_SUBPACKAGES = (
    "conformance",
    "invariants",
    "linearizability",
    "machines",
    "models",
    "reference",
    "runs",
    "strategies",
)

# Type checkers read the imports above, and so they still refuse a name that does not exist.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _SUBPACKAGES:
            return importlib.import_module(f"{__name__}.{name}")
        if (home := _HOME_OF.get(name)) is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        thing = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        globals()[name] = thing
        return thing

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, *_SUBPACKAGES})
