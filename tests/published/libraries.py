"""What published libraries offer: pinned, and only ever examined."""

from __future__ import annotations

from published.adapters import AsyncSide, Guarded, from_list
from published.frameworks import EARLY, LOSES_ITEMS, LOSES_THE_LOCK, NOTIFICATION, PLACES
from published.subjects import NATIVE, lazily, subject

from properties import conformance as kits

aiolimiter, aiostream, aiotools = lazily("aiolimiter"), lazily("aiostream"), lazily("aiotools")
culsans, janus, purgatory = lazily("culsans"), lazily("janus"), lazily("purgatory")
quattro, stamina, tenacity = lazily("quattro"), lazily("stamina"), lazily("tenacity")
throttle = lazily("asyncio_throttle")
lionpride = lazily("lionpride.libs.concurrency")
toolcase = lazily("toolcase.runtime.concurrency")
PAUSES = ((0.1, 0.1), (0.2, 0.2))

# Task groups, gather, race.

subject("task group", "aiotools", "TaskGroup",
        lambda **o: kits.task_group(aiotools.TaskGroup, **NATIVE, **o),
        broken={"failures": "its TaskGroupError is a BaseExceptionGroup whatever is in it: "
                            "`except Exception` lets it pass"})  # fmt: skip
subject("task group", "quattro", "TaskGroup",
        lambda **o: kits.task_group(quattro.TaskGroup, **NATIVE, **o))  # fmt: skip
subject("gather", "aiotools", "gather_safe",
        lambda **o: kits.gather(lambda: from_list(aiotools.gather_safe), **NATIVE, **o),
        not_promised=("failures", "siblings"))  # fmt: skip
subject(
    "gather", "quattro", "gather", lambda **o: kits.gather(lambda: quattro.gather, **NATIVE, **o)
)
subject("gather", "lionpride", "gather", lambda **o: kits.gather(lambda: lionpride.gather, **o))
subject("gather", "toolcase", "gather",
        lambda **o: kits.gather(lambda: toolcase.gather, shape="bare", **NATIVE, **o),
        broken={"cancelled": EARLY}, not_promised=("siblings", "left behind"),
        python=(3, 12))  # fmt: skip
subject("race", "lionpride", "race", lambda **o: kits.race(lambda: lionpride.race, **o))
subject("race", "toolcase", "race", lambda **o: kits.race(lambda: toolcase.race, **NATIVE, **o),
        python=(3, 12))  # fmt: skip
subject("race", "toolcase", "first_success",
        lambda **o: kits.race(lambda: toolcase.first_success, wins="success", **NATIVE, **o),
        broken=dict.fromkeys(("failure", "failures"), "a failure ends it with CancelledError"),
        python=(3, 12))  # fmt: skip


async def _winner(*aws):
    result, _errors = await aiotools.race(aws, continue_on_error=False)
    return result


subject("race", "aiotools", "race", lambda **o: kits.race(lambda: _winner, **NATIVE, **o),
        broken=dict.fromkeys(
            ("failure", "failures"),
            "what it raises goes to the loop's exception handler as well"))  # fmt: skip

# Primitives. Those of lionpride are AnyIO's, and so is what breaks when they are cancelled natively.

BREAKS_NATIVELY = {
    "Condition": dict.fromkeys(("notified", "cancelled"), LOSES_THE_LOCK),
    "Queue": dict.fromkeys(("conserved", "timeouts", "handed on"), LOSES_ITEMS),
    "PriorityQueue": dict.fromkeys(("timeouts", "put back", "handed on"), LOSES_THE_LOCK),
}

for also, styled in (("", {}), (", natively cancelled", NATIVE)):
    for kit, what, examine in (
        ("lock", "Lock", lambda **o: kits.lock(lionpride.Lock, **o)),
        ("semaphore", "Semaphore", lambda **o: kits.semaphore(lambda: lionpride.Semaphore(2), **o)),
        ("limiter", "CapacityLimiter",
         lambda **o: kits.limiter(lambda: lionpride.CapacityLimiter(2), **o)),
        ("event", "Event", lambda **o: kits.event(lionpride.Event, **o)),
        ("condition", "Condition", lambda **o: kits.condition(lionpride.Condition, **o)),
        ("queue", "Queue", lambda **o: kits.queue(lambda: lionpride.Queue.with_maxsize(1), **o)),
        ("priority queue", "PriorityQueue",
         lambda **o: kits.priority_queue(lionpride.PriorityQueue, stable=False, **o)),
    ):  # fmt: skip
        subject(
            kit,
            "lionpride",
            what + also,
            lambda examine=examine, styled=styled, **o: examine(**styled, **o),
            broken=BREAKS_NATIVELY.get(what, {}) if styled else {},
        )
OF_TOOLCASE = {
    "CapacityLimiter": {"owned": "a task that has no token can give one back"},
    "Condition": {"notified": NOTIFICATION},
    "Barrier": {"cut off": PLACES},
}
for kit, what, examine in (
    ("lock", "Lock", lambda **o: kits.lock(toolcase.Lock, **o)),
    ("semaphore", "Semaphore", lambda **o: kits.semaphore(lambda: toolcase.Semaphore(2), **o)),
    ("limiter", "CapacityLimiter",
     lambda **o: kits.limiter(lambda: toolcase.CapacityLimiter(2), **o)),
    ("event", "Event", lambda **o: kits.event(toolcase.Event, **o)),
    ("condition", "Condition", lambda **o: kits.condition(toolcase.Condition, **o)),
    ("barrier", "Barrier",
     lambda **o: kits.barrier(lambda: toolcase.Barrier(3), cut_off="steps back", **o)),
):  # fmt: skip
    subject(kit, "toolcase", what, lambda examine=examine, **o: examine(**NATIVE, **o),
            broken=OF_TOOLCASE.get(what, {}), python=(3, 12))  # fmt: skip

# Queues between tasks and threads, here between tasks only.

LOSES_THE_WAKE_UP = "a get that gives up as it is woken keeps it from the next: an item lies there"

subject("queue", "janus", "Queue", lambda **o: kits.queue(lambda: AsyncSide(janus.Queue(1)), **NATIVE, **o),
        broken={"handed on": LOSES_THE_WAKE_UP})  # fmt: skip
subject("priority queue", "janus", "PriorityQueue",
        lambda **o: kits.priority_queue(
            lambda: AsyncSide(janus.PriorityQueue()), stable=False, **NATIVE, **o),
        broken={"handed on": LOSES_THE_WAKE_UP})  # fmt: skip
subject("queue", "culsans", "Queue",
        lambda **o: kits.queue(lambda: AsyncSide(culsans.Queue(1)), **o))  # fmt: skip
subject("queue", "culsans", "Queue, natively cancelled",
        lambda **o: kits.queue(lambda: AsyncSide(culsans.Queue(1)), **NATIVE, **o))  # fmt: skip
subject("priority queue", "culsans", "PriorityQueue",
        lambda **o: kits.priority_queue(
            lambda: AsyncSide(culsans.PriorityQueue()), stable=False, **o))  # fmt: skip

# Pacing.

OVERTAKES = "who comes later can be served first; the documentation does not say otherwise"

subject("rate limiter", "aiolimiter", "AsyncLimiter",
        lambda **o: kits.rate_limiter(
            lambda: aiolimiter.AsyncLimiter(2, 1), rate=2, per=1, burst=2, **NATIVE, **o),
        broken={"fair": OVERTAKES})  # fmt: skip
subject("rate limiter", "asyncio-throttle", "Throttler",
        lambda **o: kits.rate_limiter(
            lambda: throttle.Throttler(rate_limit=2, period=1),
            rate=2, per=1, burst=2, grain=0.01, **NATIVE, **o),
        # It looks at its clock a hundred times a second, and each look is a step.
        broken={"fair": OVERTAKES}, schedules=40)  # fmt: skip
subject("circuit breaker", "purgatory", "AsyncCircuitBreakerFactory",
        lambda **o: kits.circuit_breaker(
            lambda: Guarded(purgatory.AsyncCircuitBreakerFactory(
                default_threshold=3, default_ttl=10)),
            threshold=3, timeout=10, **o),
        broken={**dict.fromkeys(
                    ("half-open", "stragglers"),
                    "all calls that come when the timeout is over are let through"),
                "cancelled calls": "a call that is cancelled counts as a failure"})  # fmt: skip

# Retry.


def _tenacity(function):
    return tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(3),
        wait=tenacity.wait_exponential(multiplier=0.1),
        reraise=True,
    )(function)


async def _stamina(function):
    stamina.instrumentation.set_on_retry_hooks([])  # which log each retry
    caller = stamina.AsyncRetryingCaller(attempts=3, wait_initial=0.1, wait_jitter=0, timeout=None)
    return await caller(Exception, function)


subject("retry", "tenacity", "AsyncRetrying",
        lambda **o: kits.retry(lambda: _tenacity, pauses=PAUSES, **o))  # fmt: skip
subject("retry", "stamina", "AsyncRetryingCaller",
        lambda **o: kits.retry(lambda: _stamina, pauses=PAUSES, **o))  # fmt: skip
subject("retry", "lionpride", "retry",
        lambda **o: kits.retry(
            lambda: lionpride.retry, pauses=((0.1, 0.11), (0.2, 0.22)), sees_deadlines=True, **o),
        broken={"deadlines": "it sleeps towards a deadline that it cannot meet"})  # fmt: skip

# Streams.

subject("stream", "aiostream", "stream.map",
        lambda **o: kits.stream(
            lambda source: aiostream.stream.map(source, lambda item: item).stream(), **o))  # fmt: skip
subject("stream", "aiostream", "stream.merge",
        lambda **o: kits.stream(
            lambda source: aiostream.stream.merge(source).stream(), ahead=None, **NATIVE,
            **o))  # fmt: skip

NEVER_CLOSES = "it does not close its source: that cleans up when the collector comes across it"
TAKES_NONE_FOR_THE_END = "an item that is None is taken for the end: the rest and errors are lost"
_LEAVING = ("left early", "clean-up", "cancelled")
for what, operator, ahead, broken in (
    ("map_stream", lambda source: toolcase.map_stream(source, lambda item: item), 0,
     dict.fromkeys((*_LEAVING, "lazy"), NEVER_CLOSES)),
    ("buffer_stream", lambda source: toolcase.buffer_stream(source, 2), 3,
     dict.fromkeys(("complete", "ends", "errors", *_LEAVING, "slow", "lazy"),
                   TAKES_NONE_FOR_THE_END)),
    ("merge_streams", lambda source: toolcase.merge_streams(source), None,  # noqa: PLW0108 - which imports toolcase, not everywhere there
     dict.fromkeys(_LEAVING, NEVER_CLOSES)),
):  # fmt: skip
    subject("stream", "toolcase", what,
            lambda operator=operator, ahead=ahead, **o: kits.stream(
                operator, ahead=ahead, **NATIVE, **o),
            broken=broken, python=(3, 12))  # fmt: skip
