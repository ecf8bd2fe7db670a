"""Everything that was measured, on the console: an axis or a task a row, an arm a column."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from evals.probes.probe import AXES, KNOWLEDGE
from evals.report.console import MISSING, percent
from evals.report.whole import whole
from evals.scores import MAP, TASKS, Score, arms_of, find

BITS = "bits_per_byte"  # no share, though good models have less than 1


def measured_table(scores: Sequence[Score]) -> Table:
    """Accuracies of axes and their families, and every metric of lm-eval's tasks.

    Shares are in per cent ± standard error; a metric that goes beyond [0, 1] in any arm, such as a
    perplexity, is shown as it is in all. Attacks, which have steps, are left to the report.
    """
    table = Table(
        title="What was measured (per cent ± standard error; chance; number of items)",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        show_edge=False,
    )
    arms = arms_of(scores)
    table.add_column("what", no_wrap=True)
    for arm in arms:
        table.add_column(arm, justify="right")
    table.add_column("chance", justify="right")
    table.add_column("n", justify="right")
    for axis, family, metric in dict.fromkeys(
        (score.axis, score.family, score.metric) for score in scores if _is_shown(score)
    ):
        row = [find(scores, arm, axis, family=family, metric=metric) for arm in arms]
        found = next(score for score in row if score is not None)
        chance = MISSING if found.chance is None else f"{100 * found.chance:.1f}"
        name = f"{axis}" if family == "all" else f"  {family}"
        if axis == TASKS:
            name = f"{family} · {metric}"
        bold = "bold" if family == "all" else None
        shares = metric != BITS and all(0 <= s.value <= 1 for s in row if s is not None)
        cells = map(percent if shares else _as_it_is, row)
        table.add_row(name, *cells, chance, f"{found.n:,}", style=bold)
    there = {score.axis for score in scores}
    for axis in AXES if there & set(AXES) else ():
        if axis not in there and axis != KNOWLEDGE:
            table.add_row(f"{axis}: missing, no probes", style="dim")
    return whole(table)


def _is_shown(score: Score) -> bool:
    if score.step is not None or score.axis == MAP:
        return False
    return score.metric == "accuracy" or score.axis == TASKS


def _as_it_is(score: Score | None) -> str:
    if score is None:
        return MISSING
    error = "" if score.stderr is None else f"±{score.stderr:.1g}"
    return f"{score.value:.3g}{error}"
