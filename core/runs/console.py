"""The one console, and the progress that long work shows."""

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

# No markup, no emoji: names, paths and texts with brackets or colons are printed as they are.
console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)

Report = Callable[[int, int, str], None]  # steps done, steps in all, a short note


def tell_kept(folder: Path, report: Report | None) -> None:
    """Say that an artifact is there already; not in a run, which passes `report` and has many of them."""
    if report is None:
        console.print(f"there already → {folder}")


def progress_bars() -> Progress:
    """Bars with a note, the time spent and the time left; they vanish when the work is done."""
    return Progress(
        TextColumn("{task.description:<22}", style="bold", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
        console=console,
        transient=True,
    )


class Lines:
    """Progress for a log file: one line a job every `every` seconds."""

    def __init__(self, every: float = 30.0):
        self.every = every
        self.last: dict[str, float] = {}

    def __call__(self, job: str, done: int, total: int, note: str) -> None:
        """Print a line when the last one of this job is old enough."""
        now = time.monotonic()
        if now - self.last.setdefault(job, now) >= self.every:
            self.last[job] = now
            console.print(f"  {job}: {done:,}/{total:,} {note}")
