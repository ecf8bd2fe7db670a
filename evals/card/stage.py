"""`winnow export`: core/export writes the files, and a card of scores goes with each format."""

from omegaconf import DictConfig

from core.export.stage import export_with
from core.runs.console import Report
from evals.card.card import card_of


def export(cfg: DictConfig, report: Report | None = None) -> None:
    """Export the arm, or the model, that the configuration names, each format with its forgetting card.

    Args:
        cfg: the composed configuration; `format` names the formats.
        report: told how far it is; None: a line on the console.

    Raises:
        UserError: before anything is written, for all that stands in the way.
    """
    export_with(card_of, cfg, report)
