"""The report: the exception, the schedule in words, the steps that matter, the replay command."""

from __future__ import annotations

from simclock.reports.columns import columns
from simclock.reports.story import FailureStory
from simclock.reports.words import describe_schedule
from simclock.schedules import Kind
from simclock.simulation.places import leaves

__all__ = ["headline", "notes", "tell"]


def notes(story: FailureStory) -> str:
    """Return what is added to the exception as a note: everything but the exception itself."""
    schedule = story.schedule
    lines = [_head(story)]
    if schedule.deviations:
        words = describe_schedule(schedule, story.names, story.events, story.passed_over)
        lines += ["schedule: " + "\n".join(words), *_possible(story)]
    table = columns(schedule, story.events, story.names)
    if table:
        lines += ["", *table, ""]
    lines.append(f"replay: {story.replay_command or f'schedule={str(schedule)!r}'}")
    return "\n".join(lines)


def _head(story: FailureStory) -> str:
    """Return when it was found and how much is left of that after shrinking."""
    backend = story.schedule.backend
    size = f"{_plural(len(story.schedule), 'deviation')} in {_plural(story.steps, 'step')}"
    if not story.schedule.deviations:
        size = f"{size}: the calm schedule, with nothing out of order"
    if story.number is None:
        return f"simclock: replayed on {backend}: {size}."
    if story.number == 0 and not story.schedule.deviations:
        return f"simclock: found on {backend} at once, with {size}."
    shrunk = f", shrunk in {_plural(story.shrunk_in, 'run')}" if story.shrunk_in else ""
    return (
        f"simclock: found on {backend} as schedule {story.number + 1} "
        f"({story.label}){shrunk} to {size}."
    )


def _possible(story: FailureStory) -> list[str]:
    """Return whether the stock loop could do it, as far as that is known."""
    reordered = any(d.kind in {Kind.RUN, Kind.HOLD} for d in story.schedule.deviations)
    if story.reorder == "arrivals" or (story.arrivals == "yes" and not reordered):
        line = "The order of tasks is the stock loop's: this can happen on it as it is."
    elif story.arrivals == "yes":
        line = (
            "It was also seen with tasks in the stock loop's order: it can happen there as it is."
        )
    elif story.arrivals == "unseen":
        line = (
            "It needs tasks out of the stock loop's order (reorder='tasks'): it was not seen in "
            "100 schedules that keep it."
        )
    else:
        return []
    return [line]


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
