"""What the core still recalls and why it wasn't stripped: the same table for the console and the page."""

from collections.abc import Sequence
from html import escape

from rich import box
from rich.table import Table

from evals.recall.telling import MOST_DOCUMENTS
from evals.report.console import MISSING, percent
from evals.report.misses import MOST_ANSWERS, Missed, Tokens
from evals.report.tables import cell
from evals.report.tables import table as html_table
from evals.report.whole import whole

TITLE = "What the core still recalls, and what the map said of it"
NOTE = (
    "Recall in per cent ± standard error. Flagged or not: the tokens of the core’s right answers (of at most"
    f" {MOST_ANSWERS} a family), in the documents that tell them (at most {MOST_DOCUMENTS} an answer)."
)
SIGN_NOTE = (
    "Let through by: the sign that said no first, as a share of the tokens that aren’t flagged."
)
SCORES = ("recall", "never exposed", "with the store")
COUNTS = ("right answers", "tokens flagged", "not flagged")
SIGN = "let through by"


def missed_table(found: Sequence[Missed]) -> Table:
    """The families in order, a row each; it ends with how the tokens were found."""
    table = Table(
        title=TITLE,
        title_style="bold",
        caption=f"{NOTE} {SIGN_NOTE}" if _has_signs(found) else NOTE,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    table.add_column("family")
    for head in (*SCORES, *COUNTS):
        table.add_column("\n".join(head.rsplit(" ", 1)), justify="right", no_wrap=True)
    if _has_signs(found):
        table.add_column(SIGN, no_wrap=True)
    for missed in found:
        scores = [percent(s) for s in (missed.recall, missed.control, missed.with_store)]
        counts = [text.replace(", ", ",\n") for text in _counts(missed, found)]  # a sign a line
        table.add_row(missed.family.replace("_", " "), *scores, *counts)
    return whole(table)


def missed_html(found: Sequence[Missed]) -> str:
    """The same rows as a table of the page; empty when nothing was missed."""
    if not found:
        return ""
    heads = ["family", *SCORES, *COUNTS, *([SIGN] if _has_signs(found) else [])]
    rows = [
        (
            missed.family,
            [
                *(cell(s) for s in (missed.recall, missed.control, missed.with_store)),
                *map(escape, _counts(missed, found)),
            ],
        )
        for missed in found
    ]
    note = f'<p class="soft">{escape(SIGN_NOTE)}</p>' if _has_signs(found) else ""
    return html_table(heads, rows) + note


def _has_signs(found: Sequence[Missed]) -> bool:
    return any(missed.tokens is not None and missed.tokens.signs is not None for missed in found)


def _counts(missed: Missed, found: Sequence[Missed]) -> list[str]:
    """The cells after the scores; dashes where there is no map."""
    tokens = missed.tokens
    counts = [MISSING] * 2 if tokens is None else [f"{tokens.flagged:,}", f"{tokens.unflagged:,}"]
    said = [_said(tokens)] if _has_signs(found) else []
    return [f"{missed.answered:,}", *counts, *said]


def _said(tokens: Tokens | None) -> str:
    """In words, which share of the unflagged tokens each sign let through; a dash without any."""
    if tokens is None or tokens.signs is None or not tokens.unflagged:
        return MISSING
    times = {**tokens.signs, "no sign": tokens.unflagged - sum(tokens.signs.values())}
    shares = {name: number / tokens.unflagged for name, number in times.items() if number > 0}
    return ", ".join(
        f"{name.replace('_', ' ')} {100 * share:.0f} %" for name, share in shares.items()
    )
