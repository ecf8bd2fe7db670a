"""Two pictures of judgement: how fast ways to learn reach the teacher, and a value along two solutions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from evals.judgement.curves import SHARE
from evals.judgement.ranks import mean_of
from evals.judgement.watch import INSIDE, LONGER
from evals.scores import write_atomically

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
    with _saved(figure, path, ink):
        panels = figure.subplots(1, 2, sharey=True)
        for panel, where in zip(panels, (INSIDE, LONGER), strict=True):
            _draw_ways(panel, records["training"], where)
            _plain(panel, TITLES[where], "student tokens", "problems solved (%)", ink)
            panel.set(ylim=(-3, 103))
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=len(labels),
            fontsize=8,
            frameon=False,
        )


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
    with _saved(figure, path, ink):
        panels = figure.subplots(2, 1, sharey=True, squeeze=False).flatten()
        for panel, row in zip(panels, rows, strict=False):
            colour = "#009E73" if row["right"] else "#D55E00"
            places = range(len(row["words"]))
            panel.plot(places, row["values"], color=colour, marker="o", markersize=3)
            panel.set_xticks(places, [word or "·" for word in row["words"]], fontsize=7)
            kind = "comes out right" if row["right"] else "comes out wrong"
            _plain(panel, f"{row['prompt']}  —  {kind}", "", "chance of a right end", ink)
            panel.set(ylim=(-0.05, 1.05))
            if row["first_wrong"] is not None:
                panel.axvline(row["first_wrong"], color="#888888", linestyle=":")
                panel.annotate("first wrong word", (row["first_wrong"], 1.0), fontsize=7, color=ink)


class _saved:
    """Draw in the report's style, then write the picture whole in the format of the path's ending."""

    def __init__(self, figure: Figure, path: str | Path, ink: str):
        FigureCanvasAgg(figure)
        self.figure, self.path, self.svg = figure, path, Path(path).suffix == ".svg"
        settings: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "winnow"}
        settings |= {"font.size": 10, "text.color": ink, "axes.edgecolor": ink}
        self.context = matplotlib.rc_context(settings)

    def __enter__(self) -> None:
        self.context.__enter__()

    def __exit__(self, *error: Any) -> None:
        try:
            if error[0] is None:
                metadata: dict[str, Any] = {"Date": None} if self.svg else {}
                write_atomically(
                    self.path,
                    lambda part: self.figure.savefig(
                        part, dpi=200, transparent=self.svg, metadata=metadata
                    ),
                )
        finally:
            self.context.__exit__(*error)


def _plain(panel: Axes, title: str, x: str, y: str, ink: str) -> None:
    panel.set_title(title, fontsize=9)
    panel.set(xlabel=x, ylabel=y)
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(colors=ink, labelleft=True)
    panel.xaxis.label.set_color(ink)
    panel.yaxis.label.set_color(ink)
