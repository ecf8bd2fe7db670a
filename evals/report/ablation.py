"""The ablation: ways to forget side by side, one curve a method, from arms named `<method>-<strength>`."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from evals.report.console import COLUMNS, percent
from evals.report.frontier import STYLES
from evals.scores import Score, arms_of, kept, methods_of, write_atomically

BASELINE = "plain"
MARKS = ("plain", "never_exposed", "deduplicated")  # drawn for reference
# Okabe & Ito's colours, in turn with markers and lines, so that no two methods look alike.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h", "<", ">")
NEAR = ((-4, 16), (95, 101))  # the corner that is drawn larger, in per cent


def ablation_table(scores: Sequence[Score]) -> str:
    """A row a method and strength in Markdown: the result table's columns that were measured."""
    methods = methods_of(scores)
    rows = [(arm, "", arm) for arm in MARKS if arm in arms_of(scores)]
    rows += [(name, f"{strength:g}", arm) for name in methods for strength, arm in methods[name]]
    columns = [column for column in COLUMNS if any(column.score(scores, arm) for _, _, arm in rows)]
    heads = ["method", "strength", *(column.head for column in columns)]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for name, strength, arm in rows:
        lines.append([name, strength, *(percent(column.score(scores, arm)) for column in columns)])
    return "".join(f"| {' | '.join(line).replace('±', ' ± ')} |\n" for line in lines)


def draw_ablation(scores: Sequence[Score], path: str | Path) -> None:
    """Recall left against reasoning kept, each above chance and as a share of plain distillation's.

    On the right once more where little is recalled and most is kept, and so the points crowd. Mixtures
    are hollow. Arms without one of the two scores are left out.
    """
    figure = Figure(figsize=(11.2, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    with matplotlib.rc_context({"font.size": 10}):
        whole, near = figure.subplots(1, 2, width_ratios=(1, 1))
        for axes in (whole, near):
            looks = zip(cycle(COLOURS), cycle(MARKERS), strict=False)
            for (method, arms), (colour, marker) in zip(
                methods_of(scores).items(), looks, strict=False
            ):
                _curve(axes, scores, method, [arm for _, arm in arms], colour, marker)
            for arm in MARKS:
                colour, _ = STYLES[arm]
                _curve(axes, scores, arm.replace("_", " "), [arm], colour, "*")
            axes.axvline(0, color="#222222", linewidth=0.8, linestyle=":", alpha=0.6)
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_xlabel("recall left, of what plain distillation recalls (%)")
        whole.set_ylabel("reasoning kept, of what plain distillation keeps (%)")
        near.set(xlim=NEAR[0], ylim=NEAR[1])
        near.set_title("the grey corner, larger", fontsize=9)
        (left, right), (low, high) = NEAR
        whole.add_patch(Rectangle((left, low), right - left, high - low, color="#EEEEEE", zorder=0))
        figure.legend(
            *whole.get_legend_handles_labels(), loc="outside right upper", fontsize=8, frameon=False
        )
        write_atomically(path, lambda part: figure.savefig(part, dpi=160))


def _curve(
    axes: Axes, scores: Sequence[Score], name: str, arms: Sequence[str], colour: str, marker: str
) -> None:
    points = []
    for arm in arms:
        recall, reasoning = (kept(scores, arm, axis, BASELINE) for axis in ("recall", "reasoning"))
        if recall and reasoning:
            # Each with its error, where that is known.
            points.append((recall[0], recall[1] or 0.0, reasoning[0], reasoning[1] or 0.0))
    if not points:
        return
    x, x_error, y, y_error = (
        [100 * value for value in column] for column in zip(*points, strict=True)
    )
    is_reference = marker == "*"
    axes.errorbar(
        x,
        y,
        xerr=x_error,
        yerr=y_error,
        label=name,
        color=colour,
        marker=marker,
        markersize=13 if is_reference else 6,
        markerfacecolor="white" if "+" in name else colour,
        markeredgecolor=colour if "+" in name else "#222222" if is_reference else "white",
        markeredgewidth=1.2 if "+" in name else 0.5,
        linewidth=1.0,
        elinewidth=0.6,
        alpha=0.9,
        zorder=4 if is_reference else 3,
    )
