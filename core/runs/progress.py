"""Where a stage's progress goes: to the run that schedules it, or to a bar of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from core.runs.console import Lines, Report, console, progress_bars


@contextmanager
def reporting(job: str, report: Report | None = None) -> Iterator[Report]:
    """`report` itself when a run passed one in, else a progress bar, or lines where nobody looks."""
    if report is not None:
        yield report
    elif console.is_terminal:
        with progress_bars() as bars:
            bar = bars.add_task(job, total=None, note="")
            yield lambda done, total, note: bars.update(bar, completed=done, total=total, note=note)
    else:
        lines = Lines()
        yield lambda done, total, note: lines(job, done, total, note)
