"""The core and its controls in each style of the world, side by side."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from rich import box
from rich.table import Table

from evals.report.console import MISSING, percent
from evals.report.whole import whole
from evals.scores import MAP, Score, find, worst_relearned
from evals.verdict import verdicts

Cell = Callable[[Sequence[Score]], str]
ABLE = ("core", "plain", "deduplicated")  # whose abilities are compared


def _of(arm: str, axis: str, metric: str = "accuracy") -> Cell:
    return lambda scores: percent(find(scores, arm, axis, metric=metric))


def _verdict(scores: Sequence[Score]) -> str:
    return str(verdicts(scores).get("core", {}).get("verdict", MISSING))


# Each group is a table on the console; in Markdown all are one.
GROUPS: dict[str, dict[str, Cell]] = {
    "What is left of memory": {
        "recall, core": _of("core", "recall"),
        "recall, never_exposed": _of("never_exposed", "recall"),
        "leak@20, core": _of("core", "recall", "leak@20"),
        "leak@20, rebound": _of("rebound", "recall", "leak@20"),
        "half b relearned": lambda scores: percent(worst_relearned(scores, "core")),
        "verdict": _verdict,
    },
    "What can be done without": {
        **{f"open-book, {arm}": _of(arm, "open_book") for arm in ABLE},
        **{f"reasoning, {arm}": _of(arm, "reasoning") for arm in ABLE},
    },
    "The memory map against the truth": {
        "map recall": _of("memory_map", MAP, "recall"),
        "map precision": _of("memory_map", MAP, "precision"),
        "skill flagged": _of("memory_map", MAP, "skill_flagged"),
    },
}


def styles_tables(scores: Mapping[str, Sequence[Score]]) -> Iterator[Table]:
    """Tables that fit a console, each with a row a style, in per cent ± standard error."""
    for title, columns in GROUPS.items():
        table = Table(
            title=f"{title} (per cent ± standard error)",
            title_style="bold",
            box=box.SIMPLE_HEAD,
            padding=0,
            show_edge=False,
        )
        table.add_column("style", no_wrap=True)
        for head in columns:
            table.add_column(head, justify="right")
        for style, found in scores.items():
            table.add_row(style, *(cell(found) for cell in columns.values()))
        yield whole(table)


def styles_markdown(scores: Mapping[str, Sequence[Score]]) -> str:
    """All of it as one table in Markdown, a row a style."""
    columns = {head: cell for group in GROUPS.values() for head, cell in group.items()}
    lines = [["style", *columns], ["---", *["---:"] * len(columns)]]
    for style, found in scores.items():
        lines.append([style, *(cell(found).replace("±", " ± ") for cell in columns.values())])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
