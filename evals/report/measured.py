"""Everything that was measured, on the console: an axis or a task a row, an arm a column."""

from collections.abc import Sequence

from rich import box
from rich.table import Table

from evals.probes.probe import AXES, KNOWLEDGE
from evals.report.console import MISSING, percent
from evals.scores import MAP, Score, arms_of, find


def measured_table(scores: Sequence[Score]) -> Table:
    """Accuracies of axes and their families, and every metric of lm-eval's tasks.

    Shares are in per cent ± standard error; a metric beyond [0, 1], such as a perplexity, is
    shown as it is. Attacks, which have steps, are left to the report.
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
        if axis == "lm_eval":
            name = f"{family} · {metric}"
        bold = "bold" if family == "all" else None
        table.add_row(name, *map(_shown, row), chance, f"{found.n:,}", style=bold)
    there = {score.axis for score in scores}
    for axis in AXES if there & set(AXES) else ():
        if axis not in there and axis != KNOWLEDGE:
            table.add_row(f"{axis}: missing, no probes", style="dim")
    return table


def _is_shown(score: Score) -> bool:
    if score.step is not None or score.axis == MAP:
        return False
    return score.metric == "accuracy" or score.axis == "lm_eval"


def _shown(score: Score | None) -> str:
    if score is None or 0 <= score.value <= 1:
        return percent(score)
    error = "" if score.stderr is None else f"±{score.stderr:.1g}"
    return f"{score.value:.3g}{error}"
