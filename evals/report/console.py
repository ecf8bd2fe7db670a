"""The result table: one row an arm, on the console and, with the same columns, on the page."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table

from evals.probes.probe import KNOWLEDGE
from evals.report.whole import whole
from evals.scores import TEXT, Score, arms_of, find, plus_minus, worst_relearned

MISSING = "–"
HIGHLIGHTED = "core"


@dataclass(frozen=True)
class Column:
    """A column of the result table: its head, and the score that an arm has in it.

    Values are shown times `scale`: shares in per cent, bits as they are.
    """

    head: str
    score: Callable[[Sequence[Score], str], Score | None]
    scale: float = 100.0


def column_of(
    head: str,
    axis: str,
    family: str = "all",
    metric: str = "accuracy",
    step: int | None = None,
    scale: float = 100.0,
) -> Column:
    """A column of the scores of that description."""
    return Column(
        head,
        lambda scores, arm: find(scores, arm, axis, family=family, metric=metric, step=step),
        scale,
    )


COLUMNS = (
    column_of("recall", "recall"),
    column_of("leak@20", "recall", metric="leak@20"),
    column_of("verbatim", "verbatim"),
    column_of("open-book", "open_book"),
    column_of("reasoning", "reasoning"),
    Column("half b relearned", worst_relearned),
    column_of("4-bit recall", "quantize_4bit", "recall"),
)
# Of pretrained teachers.
MORE = (
    column_of("own facts", KNOWLEDGE),
    column_of("arithmetic", "arithmetic"),
    column_of("language", "language"),
    column_of("perplexity", TEXT, metric="perplexity", scale=1.0),
)


def columns_of(scores: Sequence[Score]) -> list[Column]:
    """Those of `COLUMNS` and `MORE` that any arm has a score in."""
    arms = arms_of(scores)
    return [c for c in (*COLUMNS, *MORE) if any(c.score(scores, arm) for arm in arms)]


def percent(score: Score | None, scale: float = 100.0) -> str:
    """Value ± standard error in per cent, or a dash where it wasn't measured."""
    if score is None:
        return MISSING
    return f"{scale * score.value:.1f}{plus_minus(score.stderr, 1, scale, '±')}"


def shown(column: Column, scores: Sequence[Score], arm: str) -> str:
    """An arm's score in a column, in that column's unit."""
    return percent(column.score(scores, arm), column.scale)


def chance_of(column: Column, scores: Sequence[Score]) -> str:
    """What a guess would score in that column; all arms have the same probes."""
    for arm in arms_of(scores):
        score = column.score(scores, arm)
        if score is not None and score.chance is not None:
            return f"{column.scale * score.chance:.1f}"
    return MISSING


def result_tables(scores: Sequence[Score]) -> Iterator[Table]:
    """Arms by axes in per cent ± standard error, chance in the last row, the core standing out.

    "half b" is the most that came back of it at any step of teaching half a again. A second table has what
    is measured of pretrained teachers, so that each fits a console of 80 characters.
    """
    columns = columns_of(scores)
    own, more = ([c for c in columns if (c in MORE) is further] for further in (False, True))
    yield _table(scores, own, "What each arm recalls, and what it can do")
    if more:
        yield _table(scores, more, "What it kept of its own")


def _table(scores: Sequence[Score], columns: Sequence[Column], title: str) -> Table:
    table = Table(
        title=f"{title} (per cent ± standard error)",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
        show_footer=True,
        footer_style="dim",
    )
    table.add_column("arm", "chance", no_wrap=True)
    for column in columns:
        longest = max(len(word) for word in column.head.split())
        table.add_column(column.head, chance_of(column, scores), justify="right", min_width=longest)
    for arm in arms_of(scores):
        cells = [shown(column, scores, arm) for column in columns]
        table.add_row(arm, *cells, style="bold green" if arm == HIGHLIGHTED else None)
    return whole(table)


def markdown_table(scores: Sequence[Score]) -> str:
    """The same table in Markdown, for a README or a paper's draft."""
    columns = columns_of(scores)
    lines = [["arm", *(column.head for column in columns)], ["---", *["---:"] * len(columns)]]
    for arm in arms_of(scores):
        cells = [shown(column, scores, arm).replace("±", " ± ") for column in columns]
        name = f"**{arm}**" if arm == HIGHLIGHTED else arm
        lines.append([name, *cells])
    lines.append(["*chance*", *(chance_of(column, scores) for column in columns)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
