"""The report: the exception, the schedule in words, the steps that matter, the replay command."""

from __future__ import annotations

from simclock.reports.columns import columns
from simclock.reports.story import FailureStory
from simclock.reports.words import describe_schedule
from simclock.simulation.places import leaves

__all__ = ["headline", "notes", "tell"]


def notes(story: FailureStory) -> str:
    """Return what is added to the exception as a note: everything but the exception itself."""
    schedule = story.schedule
    size = f"{_plural(len(schedule), 'deviation')} in {_plural(story.steps, 'step')}"
    if story.number is None:
        head = f"simclock: replayed on {schedule.backend}: {size}."
    else:
        shrunk = f", shrunk in {_plural(story.shrunk_in, 'run')}" if story.shrunk_in else ""
        head = (
            f"simclock: found on {schedule.backend} as schedule {story.number + 1} "
            f"({story.label}){shrunk} to {size}."
        )
    lines = [
        head,
        "schedule: "
        + "\n".join(describe_schedule(schedule, story.names, story.events, story.passed_over)),
    ]
    if story.reorder == "arrivals" or story.arrivals == "yes":
        lines.append("The order of tasks is the stock loop's: this can happen on it as it is.")
    elif story.arrivals == "unseen":
        lines.append(
            "It needs tasks out of the stock loop's order (reorder='tasks'): it was not seen in "
            "100 schedules that keep it."
        )
    table = columns(schedule, story.events, story.names)
    if table:
        lines += ["", *table, ""]
    lines.append(f"replay: {story.replay_command or f'schedule={str(schedule)!r}'}")
    return "\n".join(lines)


def tell(story: FailureStory) -> str:
    """Return the whole report."""
    return "\n".join([*headline(story.exception), notes(story)])


def headline(error: BaseException, indent: str = "") -> list[str]:
    """Return what was raised; for a group, each of its exceptions on a line of its own."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    lines = [indent + text]
    for each in leaves(error):
        lines += headline(each, indent + "  ")
    return lines


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
