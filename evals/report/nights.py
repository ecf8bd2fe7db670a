"""Nights, in a table: what each way to live learned, kept and forgot, as means over the seeds."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from evals.report.tables import section, table
from evals.scores import error_of_mean, plus_minus, write_atomically

FILE, TABLE = "nights.json", "nights.md"
TITLE = "Nights"
NOTE = (
    "Days with a new skill, new people and notes, and what a core is after the nights. Per cent, means over "
    "the seeds. Direct: the same skill after training on ten times as many items. Kept: what is left after "
    "the last day, of earlier skills beside the first evening's, of new ones beside their first mornings. "
    "Varied: the last night's diversity beside the first's. Seconds: of a processor, a thousand tokens of "
    "the day."
)
Lives = Sequence[Mapping[str, Any]]
Summary = Callable[[Lives], float | None]


def write_nights(folder: Path, records: Lives) -> str:
    """Write the records and the table of them; the table's text."""
    told = json.dumps(list(records), indent=1) + "\n"
    write_atomically(folder / FILE, lambda part: part.write_text(told, encoding="utf-8"))
    text = _markdown(records)
    write_atomically(folder / TABLE, lambda part: part.write_text(text, encoding="utf-8"))
    return text


def nights_html(records: Lives, picture: str = "") -> str:
    """The same as a part of the report's page, below a picture."""
    if not records:
        return ""
    rows = [(method, cells) for method, cells in _rows(records)]
    return section(TITLE, NOTE, picture + table(["method", *COLUMNS], rows))


def _markdown(records: Lives) -> str:
    lines = [f"| method | {' | '.join(COLUMNS)} |", "| --- |" + " ---: |" * len(COLUMNS)]
    lines += [f"| {method} | {' | '.join(cells)} |" for method, cells in _rows(records)]
    return "\n".join(lines) + "\n"


def _rows(records: Lives) -> list[tuple[str, list[str]]]:
    by_method: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        by_method[record["method"]].append(record)
    order = sorted(by_method, key=lambda name: (name != "sleep", name.startswith("without"), name))
    return [
        (name, [_cell(by_method[name], *column) for column in COLUMNS.values()]) for name in order
    ]


def _cell(records: Lives, of: Summary, scale: float) -> str:
    """The mean over the seeds of what a column makes of each one's records, times `scale`."""
    by_seed: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        by_seed[record["seed"]].append(record)
    values = [value for own in by_seed.values() if (value := of(own)) is not None]
    if not values:
        return "–"
    return f"{scale * fmean(values):.1f}{plus_minus(error_of_mean(values), 1, scale)}"


def _days(records: Lives) -> list[Mapping[str, Any]]:
    """The nights after a day."""
    return [record for record in records if record["tokens_of_day"]]


def _mean(name: str) -> Summary:
    def of(records: Lives) -> float | None:
        values = [record[name] for record in _days(records) if record.get(name) is not None]
        return fmean(values) if values else None

    return of


def _of_direct(records: Lives) -> float | None:
    pairs = [(r["new_skill"], r["new_skill_direct"]) for r in _days(records)]
    ratios = [now / direct for now, direct in pairs if direct]
    return fmean(ratios) if ratios else None


def _earlier_kept(records: Lives) -> float | None:
    """The earlier skills after the last day, beside the first evening's."""
    last = max(_days(records), key=lambda r: r["night"])
    was = last["earlier_skills_evening"]
    return float(last["earlier_skills"] / was) if was else None


def _new_kept(records: Lives) -> float | None:
    """The new skills after the last day, beside each one's first morning; the worst of them."""
    days = sorted(_days(records), key=lambda r: r["night"])
    first = {family: r["new_skills"][family] for r in days for family in r["families"]}
    now = days[-1]["new_skills"]
    shares = [now[family] / was for family, was in first.items() if was]
    return min(shares) if shares else None


def _varied(records: Lives) -> float | None:
    ordered = sorted(records, key=lambda r: r["night"])
    return float(ordered[-1]["diversity"] / ordered[0]["diversity"]) if ordered else None


def _cost(records: Lives) -> float | None:
    """Processor seconds of a night a thousand tokens of its day, of the nights that weren't interrupted."""
    days = [record for record in _days(records) if record["seconds"] is not None]
    tokens = sum(record["tokens_of_day"] for record in days)
    return 1000 * sum(record["seconds"] for record in days) / tokens if tokens else None


COLUMNS: Mapping[str, tuple[Summary, float]] = {
    "new skill": (_mean("new_skill"), 100),
    "of direct": (_of_direct, 100),
    "facts closed-book": (_mean("facts_closed"), 100),
    "control": (_mean("facts_control"), 100),
    "from the store": (_mean("facts_store"), 100),
    "forgotten": (_mean("facts_forgotten"), 100),
    "notes": (_mean("notes"), 100),
    "earlier kept": (_earlier_kept, 100),
    "new kept": (_new_kept, 100),
    "varied": (_varied, 100),
    "seconds": (_cost, 1),
}
