"""What each arm answers by itself, and with the store beside it."""

from collections.abc import Sequence

from evals.lookup import FORGOTTEN, LOOKUP
from evals.report.console import chance_of, column_of, percent
from evals.scores import Score, arms_of, find

COLUMNS = (
    column_of("recall", "recall"),
    column_of("with the store", LOOKUP),
    column_of("half b forgotten in the store", FORGOTTEN),
)


def lookup_table(scores: Sequence[Score]) -> str:
    """A row an arm in Markdown, per cent ± standard error: of half b after forgetting, of all before."""
    lines = [["arm", *(column.head for column in COLUMNS)], ["---", *["---:"] * len(COLUMNS)]]
    for arm in arms_of(scores):
        if find(scores, arm, LOOKUP):
            cells = [percent(column.score(scores, arm)).replace("±", " ± ") for column in COLUMNS]
            lines.append([arm, *cells])
    lines.append(["*chance*", *(chance_of(column, scores) for column in COLUMNS)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
