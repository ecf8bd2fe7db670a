"""The memory metrics that the configuration asks for, beside accuracy, likelihood and rank."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from core.errors import UserError, nearest
from evals.recall.abstention import abstention
from evals.recall.extraction import discoverable_extraction, sampled_leak
from evals.recall.linear_probe import linear_probe
from evals.recall.measured import Measured, Subject
from evals.recall.membership import membership
from evals.recall.perplexity import perplexity
from evals.recall.recitation import recitation
from evals.recall.stored_bits import stored_bits

Metric = Callable[[Subject], Measured]


def all_metrics(settings: Mapping[str, Any]) -> dict[str, Metric]:
    """Every metric that there is, by its name in `eval.metrics`.

    Args:
        settings: those of `eval`, whose numbers the metrics are given.

    Returns:
        Functions of a `Subject` that give what they `Measured` of it.
    """
    return {
        "abstention": abstention,
        "recitation": partial(recitation, prefix_shares=settings["prefix_shares"]),
        "extraction": partial(
            discoverable_extraction,
            num_queries=settings["num_queries"],
            probability=settings["probability"],
        ),
        "sampling": partial(
            sampled_leak, num_samples=settings["num_samples"], seed=settings["seed"]
        ),
        "stored_bits": stored_bits,
        "membership": partial(membership, min_k=settings["min_k"]),
        "linear_probe": linear_probe,
        "perplexity": partial(
            perplexity, texts=settings["texts"], num_paragraphs=settings["num_paragraphs"]
        ),
    }


def metrics_of(settings: Mapping[str, Any]) -> list[Metric]:
    """Choose the metrics that the configuration names.

    Args:
        settings: those of `eval`; `metrics` has the names.

    Returns:
        The metrics in that order.

    Raises:
        UserError: a name isn't a metric's.
    """
    known = all_metrics(settings)
    for name in settings["metrics"]:
        if name not in known:
            hint = nearest(str(name), known) or f"; known are {', '.join(known)}"
            raise UserError(f"eval.metrics: no metric '{name}'{hint}")
    return [known[name] for name in settings["metrics"]]
