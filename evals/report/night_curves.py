"""What a core can do on each morning: one picture, a panel a way to live."""

from collections import defaultdict
from pathlib import Path
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evals.report.nights import Lives
from evals.report.pictures import drawn, legend_below, title_panel

SHOWN = ("sleep", "replay", "finetune", "replace")
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00")  # by day
EARLIER = "earlier skills"


def draw_nights(records: Lives, path: str | Path, *, ink: str = "#222222") -> None:
    """Each day's skill and the earlier ones (%), night by night, as means over the seeds."""
    methods = [name for name in SHOWN if any(r["method"] == name for r in records)]
    figure = Figure(figsize=(2.6 * max(len(methods), 1), 3.0), layout="constrained")
    with drawn(figure, path, ink):
        panels = figure.subplots(1, max(len(methods), 1), sharey=True, squeeze=False)[0]
        for panel, method in zip(panels, methods, strict=False):
            _draw_life(panel, [r for r in records if r["method"] == method], ink)
            title_panel(panel, method, "night", "solved (%)", ink)
            panel.set(ylim=(-3, 103))
        legend_below(figure, panels[0])


def _draw_life(panel: Axes, records: Lives, ink: str) -> None:
    lines: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in sorted(records, key=lambda r: int(r["night"])):
        for family, share in {**record["new_skills"], EARLIER: record["earlier_skills"]}.items():
            lines[family][record["night"]].append(100 * share)
    days = [family for family in lines if family != EARLIER]
    for family, by_night in lines.items():
        own = {"color": ink, "linestyle": ":", "marker": ""}
        if family != EARLIER:
            colour = COLOURS[days.index(family) % len(COLOURS)]
            own = {"color": colour, "linestyle": "-", "marker": "o"}
        values = [fmean(found) for found in by_night.values()]
        panel.plot(list(by_night), values, label=family, markersize=3, **own)  # type: ignore[arg-type]
