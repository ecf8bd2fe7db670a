"""A glance at what a model recalls and solves while it trains."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.runs.console import console
from evals.probes.probe import NotThereYet, Probe, complete, of_axes, parse_probe
from evals.recall.answers import answer_probes

AXES = ("recall", "reasoning")


class Watch:
    """Shares of right greedy answers to `num_probes` probes of each axis, the same ones each time.

    `probes` reads them, or they come with `corpus`; where neither has any of an axis, it isn't told. Training
    looks every `every` steps.
    """

    def __init__(
        self,
        *,
        every: int,
        num_probes: int,
        probes: Callable[[], Sequence[Probe]] | Mapping[str, Any],
        corpus: Any,
        tokenizer: PreTrainedTokenizerBase,
    ):
        self.every, self.tokenizer = every, tokenizer
        if every == 0:
            known = []
        elif callable(probes):
            known = _there(probes)
        elif hasattr(corpus, "probes"):
            rows = enumerate(corpus.probes(), 1)
            known = complete(parse_probe(row, f"probe {n} of the corpus") for n, row in rows)
        else:
            known = []
        self.chosen = {axis: _some(of_axes(known, axis), num_probes) for axis in AXES}

    def __call__(self, model: PreTrainedModel) -> dict[str, float]:
        """Shares of right answers by axis; the model is left as it was. Raises as `answer_probes` does."""
        found = {}
        for axis, probes in self.chosen.items():
            if probes:
                answers = answer_probes(model, self.tokenizer, probes)
                found[axis] = sum(answer.correct for answer in answers) / len(answers)
        return found


def _there(probes: Callable[[], Sequence[Probe]]) -> list[Probe]:
    """Read the probes. None when a later stage makes them, as those of what a teacher knows by heart."""
    try:
        return list(probes())
    except NotThereYet as error:
        console.print(f"not watched: {error}", style="dim")
        return []


def _some(probes: Sequence[Probe], count: int) -> list[Probe]:
    return Random(0).sample(probes, min(count, len(probes)))
