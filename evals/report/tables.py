"""Tables of scores in HTML, and what isn't in them."""

from collections.abc import Sequence
from html import escape

from evals.report.console import HIGHLIGHTED, MISSING, Column, chance_of
from evals.scores import Score, arms_of, plus_minus
from evals.verdict import CONTROLS

KINDS = {HIGHLIGHTED: "core", "chance": "chance", **dict.fromkeys(CONTROLS, "control")}


def section(title: str, note: str, body: str) -> str:
    """A titled part of the page, or nothing where there is no body; title and note are plain text."""
    if not body:
        return ""
    note = f'<p class="soft">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{note}{body}</section>\n"


def table(head: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A table that scrolls by itself; cells are HTML, heads and row names plain text."""
    heads = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = ""
    for name, cells in rows:
        kind = f' class="{KINDS[name]}"' if name in KINDS else ""
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        shown = escape(name.replace("_", " "))
        body += f'<tr{kind}><th scope="row">{shown}</th>{row}</tr>'
    return (
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def cell(score: Score | None, scale: float = 100.0) -> str:
    """Value ± standard error times `scale`, or a dash."""
    if score is None:
        return MISSING
    error = plus_minus(score.stderr, 1, scale, "±&thinsp;")
    return f"{scale * score.value:.1f}" + (f" <small>{error}</small>" if error else "")


def columns_table(scores: Sequence[Score], columns: Sequence[Column]) -> str:
    """Arms by those of the columns that any arm has a score in, chance below."""
    arms = arms_of(scores)
    shown = [c for c in columns if any(c.score(scores, arm) for arm in arms)]
    rows = [(arm, [cell(c.score(scores, arm), c.scale) for c in shown]) for arm in arms]
    rows = [(arm, cells) for arm, cells in rows if any(cell != MISSING for cell in cells)]
    rows.append(("chance", [chance_of(column, scores) for column in shown]))
    return table(["arm", *(column.head for column in shown)], rows) if shown else ""


def not_measured(names: Sequence[str], setting: str | None = None) -> str:
    """A line that says which `names` left no scores, and the setting that has them; nothing when all did."""
    if not names:
        return ""
    told = f"Not measured: {', '.join(names).replace('_', ' ')}."
    how = f" <code>{setting}=[{','.join(names)}]</code>" if setting else ""
    return f'<p class="soft">{escape(told)}{how}</p>'
