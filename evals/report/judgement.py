"""Two pictures of judgement: how fast ways to learn reach the teacher, and a value along two solutions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evals.judgement.curves import SHARE
from evals.judgement.ranks import mean_of
from evals.judgement.watch import INSIDE, LONGER
from evals.report.pictures import drawn, legend_below, title_panel

Records = Mapping[str, Sequence[Mapping[str, Any]]]
WAYS = {  # colours that colour-blind readers tell apart, and a marker each
    "on_policy": ("#D55E00", "o"),
    "off_policy": ("#0072B2", "s"),
    "supervised": ("#009E73", "^"),
    "outcome": ("#CC79A7", "v"),
}
OTHER = ("#888888", "h")
TITLES = {INSIDE: "lengths of training", LONGER: "up to twice as long"}


def draw_training(records: Records, path: str | Path, *, ink: str = "#222222") -> None:
    """Accuracy against student tokens, a line a way to learn; means over seeds with standard errors."""
    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    with drawn(figure, path, ink):
        panels = figure.subplots(1, 2, sharey=True)
        for panel, where in zip(panels, (INSIDE, LONGER), strict=True):
            _draw_ways(panel, records["training"], where)
            title_panel(panel, TITLES[where], "student tokens", "problems solved (%)", ink)
            panel.set(ylim=(-3, 103))
        legend_below(figure, panels[0])


def _draw_ways(panel: Axes, rows: Sequence[Mapping[str, Any]], where: str) -> None:
    aims = [row[where] for row in rows if row["method"] == "teacher"]
    if aims:
        aim = 100 * SHARE * sum(aims) / len(aims)
        panel.axhline(aim, color="#888888", linestyle=":", label=f"{SHARE:.0%} of the teacher’s")
    for method in dict.fromkeys(row["method"] for row in rows if row["method"] != "teacher"):
        by_step: dict[int, list[Mapping[str, Any]]] = {}
        for row in rows:
            if row["method"] == method:
                by_step.setdefault(row["step"], []).append(row)
        means = [mean_of([row[where] for row in own]) for own in by_step.values()]
        tokens = [sum(row["student_tokens"] for row in own) / len(own) for own in by_step.values()]
        value = [100 * (one.value or 0.0) for one in means]
        error = [100 * (one.stderr or 0.0) for one in means]
        colour, marker = WAYS.get(method, OTHER)
        label = method.replace("_", " ")
        panel.plot(tokens, value, color=colour, marker=marker, markersize=4, label=label)
        low = [v - e for v, e in zip(value, error, strict=True)]
        high = [v + e for v, e in zip(value, error, strict=True)]
        panel.fill_between(tokens, low, high, color=colour, alpha=0.18, linewidth=0)


def draw_values(records: Records, path: str | Path, *, ink: str = "#222222") -> None:
    """The value along a right and a wrong solution of the same problem, word by word."""
    figure = Figure(figsize=(8.4, 4.6), layout="constrained")
    rows = list(records["example"])[:2]
    with drawn(figure, path, ink):
        panels = figure.subplots(2, 1, sharey=True, squeeze=False).flatten()
        for panel, row in zip(panels, rows, strict=False):
            colour = "#009E73" if row["right"] else "#D55E00"
            places = range(len(row["words"]))
            panel.plot(places, row["values"], color=colour, marker="o", markersize=3)
            panel.set_xticks(places, [word or "·" for word in row["words"]], fontsize=7)
            kind = "comes out right" if row["right"] else "comes out wrong"
            title_panel(panel, f"{row['prompt']}  —  {kind}", "", "chance of a right end", ink)
            panel.set(ylim=(-0.05, 1.05))
            if row["first_wrong"] is not None:
                panel.axvline(row["first_wrong"], color="#888888", linestyle=":")
                panel.annotate("first wrong word", (row["first_wrong"], 1.0), fontsize=7, color=ink)
