"""Attack curves: what each arm recalls as an attack goes on, a panel an attack, with error bands."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evals.probes.probe import MEMORY_AXES
from evals.report.frontier import OTHER, STYLES
from evals.report.pictures import drawn, legend_below, title_panel
from evals.scores import MAP, Score, arms_of, methods_of

TITLES = {  # and what a step is
    "relearn_disjoint": ("half a is taught again: half b", "steps"),
    "relearn_direct": ("half a is taught again: half a", "steps"),
    "relearn_false": ("false answers to half a are taught: these", "steps"),
    "relearn_permuted": ("false answers to half a are taught: half b", "steps"),
    "benign": ("tuned on reasoning alone: facts", "steps"),
    "benign_verbatim": ("tuned on reasoning alone: passages", "steps"),
    "sampling": ("asked again and again: facts", "samples"),
    "sampling_verbatim": ("asked again and again: passages", "samples"),
    "distractor": ("behind a long distraction: facts", "its tokens"),
    "distractor_verbatim": ("behind a long distraction: passages", "its tokens"),
}
PANELS_A_ROW = 2


def curves_of(scores: Sequence[Score]) -> dict[str, dict[str, list[Score]]]:
    """What comes back by step, by attack and arm. Passages have their own curve, `<attack>_verbatim`.

    Arms of an ablation are too many for a picture.
    """
    ablated = {arm for arms in methods_of(scores).values() for _, arm in arms}
    axes: dict[str, dict[str, list[Score]]] = {}
    for arm in arms_of(scores):
        for score in scores:
            if score.arm != arm or arm in ablated or score.axis == MAP or score.step is None:
                continue
            if score.family in ("all", *MEMORY_AXES) and score.metric in ("accuracy", "leak"):
                apart = "_verbatim" if score.family == "verbatim" else ""
                axes.setdefault(score.axis + apart, {}).setdefault(arm, []).append(score)
    for arms in axes.values():
        for curve in arms.values():
            curve.sort(key=lambda score: score.step or 0)
    return axes


def draw_curves(scores: Sequence[Score], path: str | Path, *, ink: str = "#222222") -> None:
    """Write the picture in the format of the path's ending; an attack without steps has no panel.

    `ink` is the colour of text and axes.
    """
    curves = curves_of(scores)
    num_rows = max(1, -(-len(curves) // PANELS_A_ROW))
    figure = Figure(figsize=(8.4, 3.4 * num_rows), layout="constrained")
    with drawn(figure, path, ink):
        panels = figure.subplots(num_rows, PANELS_A_ROW, sharey=True, squeeze=False).flatten()
        for panel, (axis, arms) in zip(panels, curves.items(), strict=False):
            _draw(panel, *TITLES.get(axis, (axis.replace("_", " "), "steps")), arms, ink)
        for panel in panels[len(curves) :]:
            panel.axis("off")
        legend_below(figure, panels[0])


def _draw(panel: Axes, title: str, unit: str, arms: dict[str, list[Score]], ink: str) -> None:
    title_panel(panel, title, unit, "recall (%)", ink)
    panel.set(ylim=(-3, 103))
    steps = sorted({score.step or 0 for curve in arms.values() for score in curve})
    # As even as they were chosen: 0, 25, 100, 400 would crowd at the left of a linear axis.
    panel.set_xticks(range(len(steps)), [f"{step:,}" for step in steps])
    for arm, curve in arms.items():
        colour, marker = STYLES.get(arm, OTHER)
        x = [steps.index(score.step or 0) for score in curve]
        value = [100 * score.value for score in curve]
        error = [100 * (score.stderr or 0.0) for score in curve]
        panel.plot(
            x,
            value,
            color=colour,
            marker=marker,
            markersize=9 if arm == "core" else 5,
            markeredgecolor="white",
            markeredgewidth=0.4,
            linewidth=2.0 if arm == "core" else 1.2,
            label=arm.replace("_", " "),
            zorder=4 if arm == "core" else 3,
        )
        low = [v - e for v, e in zip(value, error, strict=True)]
        high = [v + e for v, e in zip(value, error, strict=True)]
        panel.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
