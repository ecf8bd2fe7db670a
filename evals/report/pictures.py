"""What all pictures of the report have in common: their style, their panels, and how they are written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from evals.scores import write_atomically


@contextmanager
def drawn(figure: Figure, path: str | Path, ink: str) -> Iterator[None]:
    """Draw in the report's style, then write the picture, whole, in the format of the path's ending.

    `ink` is the colour of text and axes; SVG text stays text and its background clear.
    """
    FigureCanvasAgg(figure)
    svg = Path(path).suffix == ".svg"
    settings: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "winnow", "font.size": 10}
    settings |= {"text.color": ink, "axes.edgecolor": ink}
    with matplotlib.rc_context(settings):
        yield
        metadata: dict[str, Any] = {"Date": None} if svg else {}
        write_atomically(
            path,
            lambda part: figure.savefig(part, dpi=200, transparent=svg, metadata=metadata),
        )


def title_panel(panel: Axes, title: str, x: str, y: str, ink: str) -> None:
    """A title, the names of the axes, and no frame."""
    panel.set_title(title, fontsize=10)
    panel.set(xlabel=x, ylabel=y)
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(colors=ink, labelleft=True)
    panel.xaxis.label.set_color(ink)
    panel.yaxis.label.set_color(ink)


def legend_below(figure: Figure, panel: Axes) -> None:
    """The legend of a panel below all of them, if it has any."""
    handles, labels = panel.get_legend_handles_labels()
    if labels:
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=len(labels),
            fontsize=8,
            frameon=False,  # its ground would stay light on a dark page
        )
