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


def metrics_of(settings: Mapping[str, Any]) -> list[Metric]:
    """Those that `settings["metrics"]` names, in its order, with the numbers of the other settings.

    Raises UserError for a name that isn't one.
    """
    known: dict[str, Metric] = {
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
    for name in settings["metrics"]:
        if name not in known:
            hint = nearest(str(name), known) or f"; known are {', '.join(known)}"
            raise UserError(f"eval.metrics: no metric '{name}'{hint}")
    return [known[name] for name in settings["metrics"]]
