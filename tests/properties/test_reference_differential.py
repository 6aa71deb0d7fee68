"""Libraries are held against the reference model; wrong ones are found out."""

from __future__ import annotations

import math
from collections import Counter
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress

import anyio
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from properties import CALM, DrawnSchedule, PlannedError, Program, schedules, task_trees
from properties.reference import (
    ANYIO_ON_ASYNCIO,
    CONCURRENCY_ON_TRIO,
    INTERPRETERS,
    TRIO,
    Dialect,
    DisagreementError,
    Interpreter,
    Observer,
    Verdict,
    check,
    observe,
    outcomes,
    rules_needed,
    small_programs,
)
from properties.reference.walk import LIMIT
from properties.strategies.drawn import Wish
from properties.strategies.programs import (
    Checkpoint,
    CleanUp,
    Fail,
    Group,
    Scope,
    Shield,
    Sleep,
    WithLock,
)
from simclock import UsageError
from simclock.schedules import Kind

PLAIN = settings(
    deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
BY_NAME = {interpreter.name: interpreter for interpreter in INTERPRETERS}


@pytest.fixture(scope="module")
def observer():
    with Observer() as made:
        yield made


# What decides the runs, and how many in a hundred the model may leave undecided. Where callbacks
# come late or time does not wait, it cannot do without trying every order.
SCHEDULES = {
    "calm": (st.just(CALM), 0.5),
    "drawn": (schedules(stalls=False), 1),
    "with stalls": (schedules(), 4),
}


def assert_agrees(observer, name, kind, examples, limit=LIMIT):
    drawn, percent = SCHEDULES[kind]
    verdicts = Counter()

    @settings(PLAIN, max_examples=examples)
    @given(task_trees(), drawn)
    def agrees(program, schedule):
        interpreter = BY_NAME[name]
        seen = check(program, schedule, interpreters=[interpreter], observer=observer, limit=limit)
        verdicts.update(seen.values())

    agrees()
    assert verdicts.total() >= 0.9 * examples
    assert verdicts[Verdict.UNDECIDED] <= percent / 100 * verdicts.total()


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_library_does_what_the_model_allows(name, kind, observer):
    assert_agrees(observer, name, kind, 150, limit=4_000)


@pytest.mark.deep
@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_library_does_what_the_model_allows_in_thousands_of_programs(name, kind, observer):
    assert_agrees(observer, name, kind, 4_000)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_library_does_what_the_model_allows_in_every_smallest_program(name, observer):
    for size in range(3):
        for program in small_programs(size):
            verdict = check(program, interpreters=[BY_NAME[name]], observer=observer)
            assert verdict == {name: Verdict.ALLOWED}


@pytest.mark.deep
@pytest.mark.parametrize("name", BY_NAME)
def test_a_library_does_what_the_model_allows_in_every_small_program(name, observer):
    schedule = DrawnSchedule(wishes=(Wish(Kind.RUN, 2, 1), Wish(Kind.RUN, 4, 1)))
    for program in small_programs(3):
        for each in (CALM, schedule):
            verdict = check(program, each, interpreters=[BY_NAME[name]], observer=observer)
            assert verdict == {name: Verdict.ALLOWED}


@PLAIN
@given(task_trees())
def test_anyio_on_trio_does_what_trio_does(program):
    assert observe(program, BY_NAME["anyio on trio"]) == observe(program, BY_NAME["trio"])


def test_the_rules_that_make_a_difference_are_told():
    program = Program((Scope(0, True, (Group(((),), ()),)),))
    on_asyncio = observe(program, BY_NAME["anyio on asyncio"])
    on_trio = observe(program, BY_NAME["trio"])

    assert rules_needed(program, on_trio, TRIO, ANYIO_ON_ASYNCIO) == ()
    assert rules_needed(program, on_asyncio, TRIO, ANYIO_ON_ASYNCIO) == ("group_passes_on",)
    assert rules_needed(program, on_asyncio, TRIO, CONCURRENCY_ON_TRIO) is None


@pytest.mark.parametrize("one", BY_NAME)
def test_whatever_libraries_differ_in_is_one_of_the_rules(one, observer):
    @settings(PLAIN, max_examples=60)
    @given(task_trees())
    def differs(program):
        outcome = observer.observe(program, BY_NAME[one])
        for other in INTERPRETERS:
            rules = rules_needed(program, outcome, other.dialect, BY_NAME[one].dialect)
            assert rules is not None, other.name

    differs()


# Libraries with a planted bug, each a replacement for one name of AnyIO's.


class DeafGroup:
    """A group whose tasks fail without anybody being cancelled."""

    def __init__(self):
        self._group = anyio.create_task_group()
        self._failures = []

    async def __aenter__(self):
        await self._group.__aenter__()
        self.cancel_scope = self._group.cancel_scope
        return self

    def start_soon(self, task):
        async def run():
            try:
                await task()
            except Exception as failure:
                self._failures.append(failure)

        self._group.start_soon(run)

    async def __aexit__(self, kind, error, trace):
        swallowed = await self._group.__aexit__(kind, error, trace)
        if self._failures:
            raise ExceptionGroup("tasks failed", self._failures)
        return swallowed


class ForgetfulGroup(DeafGroup):
    """A group that loses what its tasks raise."""

    def start_soon(self, task):
        async def run():
            with suppress(PlannedError):
                await task()

        self._group.start_soon(run)


class HastyGroup(DeafGroup):
    """A group whose block is left before its tasks have ended: they are cancelled."""

    async def __aexit__(self, kind, error, trace):
        self.cancel_scope.cancel()
        return await self._group.__aexit__(kind, error, trace)


class ShatteringGroup(DeafGroup):
    """A group that raises only the first failure of several."""

    def start_soon(self, task):
        self._group.start_soon(task)

    async def __aexit__(self, kind, error, trace):
        try:
            return await self._group.__aexit__(kind, error, trace)
        except ExceptionGroup as failures:
            raise ExceptionGroup("tasks failed", failures.exceptions[:1]) from None


class UnfairLock:
    """A lock whose line is served from its end."""

    def __init__(self):
        self._held, self._line = False, []

    async def __aenter__(self):
        await anyio.lowlevel.checkpoint()
        if self._held:
            turn = anyio.Event()
            self._line.append(turn)
            try:
                await turn.wait()
            except BaseException:
                if turn.is_set():
                    await self.__aexit__()
                else:
                    self._line.remove(turn)
                raise
        self._held = True

    async def __aexit__(self, *_):
        if self._line:
            self._line.pop().set()
        else:
            self._held = False


class OpenLock(UnfairLock):
    """A lock that keeps nobody out."""

    async def __aenter__(self):
        await anyio.lowlevel.checkpoint()


@contextmanager
def leaky_scope(*, shield):
    with anyio.CancelScope():
        yield


@contextmanager
def swallowing_fail_after(seconds):
    with suppress(PlannedError), anyio.fail_after(seconds):
        yield


@asynccontextmanager
async def mute_group():
    """A group whose scope ignores ``cancel()``."""
    async with anyio.create_task_group() as group:
        yield type(
            "Mute", (), {"start_soon": group.start_soon, "cancel_scope": anyio.CancelScope()}
        )


async def numb_sleep(seconds):
    with anyio.CancelScope(shield=True):
        await anyio.sleep(seconds)


def blocks(*bodies):
    """Return programs of which each task of one group has one of the bodies."""
    task = st.sampled_from(bodies)
    return st.lists(task, min_size=2, max_size=3).map(
        lambda tasks: Program((Group((*tasks,), ()),))
    )


# Where a bug is rare in programs at large, a kind of programs that has it more often.
QUEUEING = blocks(*[(Sleep(s), WithLock(0, (Sleep(1.0), CleanUp(())))) for s in (0.0, 0.5, 0.25)])
SHIELDED = task_trees(depth=1).map(lambda p: Program((Scope(1.0, False, (Shield(p.body),)),)))
PROGRAMS = {
    "a shield is ignored": SHIELDED,
    "a lock is not held": QUEUEING,
    "a lock serves the last first": QUEUEING,
}
PLANTED = {
    "siblings are not cancelled": {"create_task_group": DeafGroup},
    "a failure is dropped": {"create_task_group": ForgetfulGroup},
    "tasks are not waited for": {"create_task_group": HastyGroup},
    "one of two failures is dropped": {"create_task_group": ShatteringGroup},
    "cancelling a group does nothing": {"create_task_group": mute_group},
    "a shield is ignored": {"CancelScope": leaky_scope},
    "a deadline is late": {"move_on_after": lambda s: anyio.move_on_after(s + 0.1)},
    "a deadline is early": {"fail_after": lambda s: anyio.fail_after(max(0, s - 0.1))},
    "a deadline is ignored": {"move_on_after": lambda s: nullcontext()},
    "a timeout is not raised": {"fail_after": anyio.move_on_after},
    "a timeout is raised where none was asked for": {"move_on_after": anyio.fail_after},
    "a timeout swallows failures": {"fail_after": swallowing_fail_after},
    "a lock is not held": {"Lock": OpenLock},
    "a lock serves the last first": {"Lock": UnfairLock},
    "a sleep is not cancelled": {"sleep": numb_sleep},
    "a sleep is too long": {"sleep": lambda s: anyio.sleep(s * 1.001)},
    "a sleep does not let others run": {"sleep": lambda s: anyio.sleep(s) if s else nothing()},
}


async def nothing():
    pass


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found_out(bug, backend, observer):
    dialect = ANYIO_ON_ASYNCIO if backend == "asyncio" else TRIO
    wrong = Interpreter("wrong", "anyio", backend, dialect, tuple(PLANTED[bug].items()))

    def is_found_out(program):
        try:
            check(program, interpreters=[wrong], observer=observer)
        except DisagreementError:
            return True
        return False

    found = find(
        PROGRAMS.get(bug, task_trees()),
        is_found_out,
        settings=settings(PLAIN, max_examples=4_000, phases=[Phase.generate]),
    )

    check(found, interpreters=[BY_NAME[f"anyio on {backend}"]], observer=observer)


def test_a_disagreement_tells_what_was_done_what_would_be_allowed_and_how_to_see_it_again():
    late = (("sleep", lambda s: anyio.sleep(s + 1)),)
    wrong = Interpreter("a late library", "anyio", "trio", TRIO, late)
    program = Program((Group(((Sleep(1.0), Fail()),), (Scope(5.0, True, (Sleep(3.0),)),)),))

    with pytest.raises(DisagreementError) as caught:
        check(program, DrawnSchedule(seed=3), interpreters=[wrong])

    assert caught.value.outcome.raised == ("failure1",)
    assert str(caught.value) == (
        "a late library does what the model does not allow. The program:\n"
        "    async def main():\n"
        "        async def task1():\n"
        "            await sleep(1)\n"
        "            raise PlannedError('failure1')\n"
        "            note('task1')\n"
        "        async with create_task_group() as group1:\n"
        "            group1.start_soon(task1)\n"
        "            with fail_after(5):\n"
        "                await sleep(3)\n"
        "        note('main')\n"
        "what it did:\n"
        "    raises {failure1} at 2; no notes\n"
        "what the model allows:\n"
        "    raises {failure1} at 1; no notes\n"
        "to see it again, with this interpreter:\n"
        "    check(Program((Group(tasks=((Sleep(seconds=1.0), Fail()),), "
        "body=(Scope(seconds=5.0, raises=True, body=(Sleep(seconds=3.0),)),)),)), "
        "DrawnSchedule(seed=3))"
    )


def test_a_report_says_what_it_leaves_out():
    late = (("sleep", lambda s: anyio.sleep(s + 1)),)
    wrong = Interpreter("a late library", "anyio", "trio", TRIO, late)
    tasks = tuple((Checkpoint(), Sleep(float(n))) for n in range(6))

    with pytest.raises(DisagreementError) as caught:
        check(Program((Group(tasks * 2, ()),)), interpreters=[wrong])

    assert "    and perhaps others: 2000 states were looked at, not all\n" in str(caught.value)


def test_an_error_that_no_program_plans_is_refused_by_its_name():
    wrong = Interpreter("wrong", "anyio", "asyncio", ANYIO_ON_ASYNCIO, (("sleep", math.sqrt),))

    with pytest.raises(DisagreementError, match="raises TypeError at 0; no notes"):
        check(Program((Sleep(1.0),)), interpreters=[wrong])


@pytest.mark.parametrize(
    "ask",
    [
        lambda: observe(
            Program(()), INTERPRETERS[0], DrawnSchedule(wishes=(Wish(Kind.CANCEL, 1),))
        ),
        lambda: check(Program(()), DrawnSchedule(wishes=(Wish(Kind.CANCEL, 2, 1),))),
        lambda: small_programs(-1),
        lambda: outcomes(Program((WithLock(1, (WithLock(0, ()),)),))),
        lambda: outcomes(Program((WithLock(0, (Group(((WithLock(0, ()),),), ()),)),))),
        lambda: outcomes(Program((WithLock(3, ()),))),
        lambda: Dialect(group_passes_on="nothing"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(ask):
    with pytest.raises(UsageError):
        ask()
