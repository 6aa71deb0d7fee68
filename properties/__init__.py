"""Hypothesis searches the schedules: invariants, models and conformance kits."""

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
from properties.simulated.decorators import given, simulated
from properties.simulated.drawn import CALM, DrawnSchedule, Wish
from properties.simulated.run import simulate
from properties.strategies.schedules import schedules

__all__ = [
    "ANY",
    "CALM",
    "BarrierModel",
    "Call",
    "ConditionModel",
    "CounterModel",
    "DrawnSchedule",
    "Ending",
    "History",
    "LockModel",
    "Model",
    "NotLinearizableError",
    "PriorityQueueModel",
    "QueueModel",
    "Raised",
    "Recorder",
    "RegisterModel",
    "Request",
    "SearchLimitError",
    "SemaphoreModel",
    "SetModel",
    "Verdict",
    "Wish",
    "assert_linearizable",
    "check_linearizability",
    "given",
    "schedules",
    "simulate",
    "simulated",
]
