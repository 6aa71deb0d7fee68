"""A reference semantics of structured concurrency, and libraries checked against it.

The model says which outcomes a program of :func:`properties.task_trees` may have. It is plain
Python over immutable states; no event loop is involved. Read ``semantics``, which lists the moves,
and then ``draft``, which makes them.
"""

from properties.reference.dialects import (
    ANYIO_ON_ASYNCIO,
    CONCURRENCY_ON_ASYNCIO,
    CONCURRENCY_ON_TRIO,
    TRIO,
    Delivery,
    Dialect,
)
from properties.reference.differential import DisagreementError, check, rules_needed
from properties.reference.observing import INTERPRETERS, Interpreter, Observer, observe
from properties.reference.small import small_programs
from properties.reference.walk import Outcome, Outcomes, Verdict, allows, outcomes

__all__ = [
    "ANYIO_ON_ASYNCIO",
    "CONCURRENCY_ON_ASYNCIO",
    "CONCURRENCY_ON_TRIO",
    "INTERPRETERS",
    "TRIO",
    "Delivery",
    "Dialect",
    "DisagreementError",
    "Interpreter",
    "Observer",
    "Outcome",
    "Outcomes",
    "Verdict",
    "allows",
    "check",
    "observe",
    "outcomes",
    "rules_needed",
    "small_programs",
]
