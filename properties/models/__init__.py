"""Sequential models of what tasks share: what each call may answer, if one came after another."""

from properties.models.base import ANY, Model, Raised, Request
from properties.models.data import CounterModel, RegisterModel, SetModel
from properties.models.locks import LockModel, SemaphoreModel
from properties.models.meetings import BarrierModel, ConditionModel
from properties.models.queues import PriorityQueueModel, QueueModel

__all__ = [
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
]
