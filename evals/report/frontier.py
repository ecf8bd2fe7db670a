"""The frontier: what is still recalled against the reasoning that is kept, one mark an arm."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from evals.scores import Score, arms_of, find, methods_of, write_atomically

# Okabe & Ito's colours, which colour-blind readers tell apart too; each with its own marker.
STYLES = {
    "teacher": ("#0072B2", "s"),
    "plain": ("#56B4E9", "o"),
    "core": ("#D55E00", "*"),
    "never_exposed": ("#009E73", "^"),
    "rebound": ("#CC79A7", "v"),
    "deduplicated": ("#E69F00", "D"),
    "cross_entropy": ("#B5A900", "P"),
    "refuser": ("#888888", "X"),
}
OTHER = ("#888888", "h")
LABEL_GAP = 7.0  # per cent of the height between two labels
HIGHEST_LABEL = 92.0  # above it stands what the corner means
LOWEST_LABEL = 8.0  # below it stand what a guess recalls, and the axis
ONE_SIDE = 0.7  # of recall; where no arm has more, all names have room on the right


def draw_frontier(scores: Sequence[Score], path: str | Path, *, ink: str = "#222222") -> None:
    """Write the picture in the format of the path's ending (PNG, SVG, PDF).

    Arms without a recall or a reasoning score are left out. `ink` is the colour of text and axes;
    SVG text stays text and its background clear, so that a page can set both.
    """
    size = (4.8, 4.0)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    svg = Path(path).suffix == ".svg"
    settings: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "winnow", "font.size": 10}
    settings |= {"text.color": ink, "axes.edgecolor": ink}
    with matplotlib.rc_context(settings):
        axes = figure.add_subplot()
        _draw(axes, scores, ink)
        metadata: dict[str, Any] = {"Date": None} if svg else {}
        write_atomically(
            path,
            lambda part: figure.savefig(part, dpi=200, transparent=svg, metadata=metadata),
        )


def _draw(axes: Axes, scores: Sequence[Score], ink: str) -> None:
    marks = []
    ablated = {arm for arms in methods_of(scores).values() for _, arm in arms}  # too many for names
    for arm in arms_of(scores):
        if arm in ablated:
            continue
        recall, reasoning = find(scores, arm, "recall"), find(scores, arm, "reasoning")
        if recall and reasoning:
            marks.append((arm, recall, reasoning))
    axes.set(
        xlabel="recall: facts answered closed-book (%)",
        ylabel="reasoning: tasks solved (%)",
        xlim=(-4, 104),
        ylim=(0, 104),
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=ink)
    axes.xaxis.label.set_color(ink)
    axes.yaxis.label.set_color(ink)
    for arm, recall, reasoning in marks:
        colour, marker = STYLES.get(arm, OTHER)
        axes.errorbar(
            100 * recall.value,
            100 * reasoning.value,
            xerr=100 * (recall.stderr or 0.0),
            yerr=100 * (reasoning.stderr or 0.0),
            color=colour,
            marker=marker,
            markersize=11 if arm == "core" else 6,
            markeredgecolor="white",
            markeredgewidth=0.4,
            linestyle="none",
            elinewidth=1.2,
            zorder=4 if arm == "core" else 3,
        )
    if marks:
        chance = 100 * (marks[0][1].chance or 0.0)
        axes.axvline(chance, color=ink, linewidth=0.8, linestyle=":", alpha=0.6)
        axes.text(chance + 1, 1.5, "recall by guessing", fontsize=8, alpha=0.8)
    else:
        axes.text(50, 50, "no arm has both scores", ha="center")
    axes.text(
        0.12,
        0.99,
        "↖ keeps its reasoning, forgot the facts",
        transform=axes.transAxes,
        va="top",
        style="italic",
        color="#009E73",
        fontsize=9,
    )
    _label(axes, marks, ink)


def _label(axes: Axes, marks: list[tuple[str, Score, Score]], ink: str) -> None:
    """Names beside the marks, spread so that none covers another, on the side with more room."""
    middle = 0.5 if max((mark[1].value for mark in marks), default=0.0) > ONE_SIDE else 1.0
    for on_left in (True, False):
        side = [mark for mark in marks if (mark[1].value > middle) == on_left]
        # From the top down, each label at least a gap below the one before it.
        side.sort(key=lambda mark: -mark[2].value)
        heights: list[float] = []
        for _, _, reasoning in side:
            ceiling = heights[-1] - LABEL_GAP if heights else HIGHEST_LABEL
            heights.append(min(100 * reasoning.value, ceiling))
        # A crowd is moved up by half of what it was pushed down, as far as there is room, and above the axis.
        edge = min if on_left else max
        column = edge((100 * mark[1].value for mark in side), default=0.0)
        pushed = [100 * m[2].value - h for m, h in zip(side, heights, strict=True)]
        shift = max(max(pushed, default=0.0) / 2, LOWEST_LABEL - min(heights, default=0.0))
        shift = min(shift, HIGHEST_LABEL - max(heights, default=0.0))
        for (arm, recall, reasoning), height in zip(side, heights, strict=True):
            axes.annotate(
                arm.replace("_", " "),
                (100 * recall.value, 100 * reasoning.value),
                (column + (-9 if on_left else 9), height + shift),
                color=ink,
                fontweight="bold" if arm == "core" else "normal",
                ha="right" if on_left else "left",
                va="center",
                arrowprops={
                    "arrowstyle": "-",
                    "color": STYLES.get(arm, OTHER)[0],
                    "lw": 0.6,
                    "relpos": (1.0 if on_left else 0.0, 0.5),  # ends at the text, crosses none
                },
                zorder=2,
            )
