"""The arguments of ``python -m simclock``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, Final

from simclock.kernel import Limits
from simclock.schedules import BACKENDS

__all__ = ["backends", "cancel", "limits", "parse", "world"]

_BOTH: Final = "both"
_CANCEL: Final = "--cancel"
_MAIN: Final = "main"
_TASKS: Final = "tasks"

_EPILOG: Final = """\
TARGET is an async function without arguments: path.py:function or module:function.
exit status: 0 passed, 1 a failure was found, 2 bad usage
"""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the parsed arguments; exit with status 2 and a sentence if they cannot be."""
    parser = argparse.ArgumentParser(
        prog="simclock",
        description="Run async Python in a simulated world: virtual time, any order of tasks.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_explore(commands)
    _add_replay(commands)
    return parser.parse_args(_spell_out(argv))


def _spell_out(argv: Sequence[str]) -> list[str]:
    """Write a bare ``--cancel`` with its value, or it would take a following target for one."""
    spelled: list[str] = []
    for argument, following in zip(argv, [*argv[1:], ""], strict=False):
        bare = argument == _CANCEL and following not in {_MAIN, _TASKS}
        spelled.append(f"{_CANCEL}={_MAIN}" if bare else argument)
    return spelled


def _add_command(commands: Any, name: str, what: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("target", metavar="TARGET", help="path.py:function or module:function")
    return command


def _add_run(commands: Any) -> None:
    command = _add_command(commands, "run", "run once, in virtual time")
    command.add_argument(
        "--scheduler", default="fifo", metavar="S", help="such as random or pct:3 (fifo)"
    )
    _add_choice_of_backend(command)
    _add_world(command)


def _add_explore(commands: Any) -> None:
    command = _add_command(commands, "explore", "run under many schedules, until a promise breaks")
    command.add_argument(
        "--schedules", type=int, default=1_000, metavar="N", help="how many (1000)"
    )
    command.add_argument(
        "--scheduler",
        default="portfolio",
        metavar="S",
        help="such as pct:3, urw, exhaustive (portfolio)",
    )
    command.add_argument(
        _CANCEL,
        nargs="?",
        choices=(_MAIN, _TASKS),
        const=_MAIN,
        help="cancel the function once, at each of its steps; with 'tasks', each other task",
    )
    command.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes to share the work (1)"
    )
    command.add_argument(
        "--stalls",
        type=float,
        metavar="P",
        help="probability that time passes before a step although a task can run",
    )
    command.add_argument(
        "--failures",
        metavar="FOLDER",
        help="where failing schedules are kept, to be tried first (.simclock/failures)",
    )
    _add_choice_of_backend(command)
    _add_world(command)


def _add_replay(commands: Any) -> None:
    command = _add_command(commands, "replay", "run once more as a report says")
    command.add_argument(
        "schedule", metavar="SCHEDULE", help="the text that a report printed: 's1:…'"
    )
    _add_world(command, seed=False)


def _add_choice_of_backend(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--backend", choices=(*BACKENDS, _BOTH), default="asyncio", help="(asyncio)"
    )


def _add_world(command: argparse.ArgumentParser, *, seed: bool = True) -> None:
    group = command.add_argument_group("the world")
    if seed:
        group.add_argument(
            "--seed", type=int, default=0, metavar="N", help="starts all randomness (0)"
        )
    group.add_argument(
        "--reorder",
        choices=("tasks", "arrivals"),
        help="what may go in any order: tasks, or only what comes from outside (tasks)",
    )
    group.add_argument(
        "--epoch", type=float, metavar="SECONDS", help="the simulated date at the start"
    )
    group.add_argument("--limit-steps", type=int, metavar="N", help="more steps are a livelock")
    group.add_argument(
        "--limit-virtual-time",
        type=float,
        metavar="SECONDS",
        help="more virtual time is one as well",
    )
    group.add_argument(
        "--limit-wall-time", type=float, metavar="SECONDS", help="real time to wait for threads"
    )


def backends(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the backends to run on."""
    chosen: str = arguments.backend
    return BACKENDS if chosen == _BOTH else (chosen,)


def cancel(arguments: argparse.Namespace) -> bool | str:
    """Return what is to be cancelled."""
    chosen: str | None = arguments.cancel
    return chosen == _MAIN if chosen in {None, _MAIN} else chosen or False


def limits(arguments: argparse.Namespace) -> Limits | None:
    """Return the limits asked for, or ``None`` if none were."""
    given = {
        name: value
        for name in ("steps", "virtual_time", "wall_time")
        if (value := getattr(arguments, f"limit_{name}")) is not None
    }
    return Limits(**given) if given else None


def world(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the world options that were given, for run, explore and replay alike."""
    given = {
        "limits": limits(arguments),
        "epoch": arguments.epoch,
        "reorder": arguments.reorder,
    }
    return {name: value for name, value in given.items() if value is not None}
