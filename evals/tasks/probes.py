"""Winnow's probes as documents of lm-eval, scored as `winnow eval` scores them.

The YAML files beside this one name these functions; lm-eval hands them its `--metadata`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Dataset

from core.config.build import build
from core.corpus.script import joint
from core.errors import UserError
from core.worlds.world import World
from evals.probes.probe import Probe, complete, of_axes, parse_probe, read_probes


def load(
    axis: str, probes: str | Mapping[str, Any] | None = None, seed: int = 0, **_: object
) -> dict[str, Dataset]:
    """The probes of one axis as the split `test`, in their order.

    From the JSON-lines file `probes`, or as that configuration reads them (a choice of conf/probes), or
    else from the embedded world of that `seed`. Each has `candidates`: its answers, then its other
    choices; lm-eval asks for the likelihood of each as it follows the prompt (`continuations`). Raises
    UserError when there are none on that axis.
    """
    if isinstance(probes, Mapping):
        everything, source = build(probes)(), probes["path"]
    elif probes:
        everything, source = read_probes(probes), probes
    else:
        rows = World(seed=seed).probes()
        everything, source = complete(parse_probe(row, row["id"]) for row in rows), "the world"
    rows = [_document(probe) for probe in of_axes(everything, axis)]
    if not rows:
        there = ", ".join(sorted({f"winnow_{probe.axis}" for probe in everything}))
        raise UserError(f"{source} has no {axis} probes; its tasks are {there}")
    return {"test": Dataset.from_list(rows)}


def _document(probe: Probe) -> dict[str, Any]:
    candidates = list(dict.fromkeys((*probe.answers, *probe.choices)))
    return {
        "id": probe.id,
        "axis": probe.axis,
        "family": probe.family,
        "prompt": probe.prompt,
        "candidates": candidates,
        "continuations": [joint(probe.prompt, text) + text for text in candidates],
        "num_answers": len(set(probe.answers)),
        "by_likelihood": probe.axis == "language" and bool(probe.choices),
    }


def score(document: dict[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, float]:
    """`acc` of one probe, from log-likelihood and greediness of each of its candidates.

    Right when some answer is what greedy decoding says; where likelihood decides, when no wrong
    choice is as likely as the likeliest answer.
    """
    right = results[: document["num_answers"]]
    wrong = results[document["num_answers"] :]
    if document["by_likelihood"]:
        best = max(logprob for logprob, _ in right)
        return {"acc": float(all(logprob < best for logprob, _ in wrong))}
    return {"acc": float(any(greedy for _, greedy in right))}
