"""What comes back of the facts of a pretrained model's core in ways that no run tries.

`python -m tests.bench.coming_back RUN/arms/core … --data FOLDER` asks capitals of countries (LRE), with three
shown, after

- other facts of the same countries were taught (language, currency, largest city), all weights at 1e-4, and
  embeddings alone at 3e-3: who has met a name again may be known again;
- the teacher's token embeddings were put back: what the other weights still hold.

Beside each stands the same with these facts of permuted countries.
"""

import argparse
import json
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from random import Random

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.models.tokens import read
from evals.evaluate import load_arm
from evals.probes.probe import Probe
from evals.probes.relations import read_relations
from evals.recall.answers import answer_probes
from evals.scores import error_of_mean
from forgetting.modules import token_embeddings

ASKED, TAUGHT = (
    "country_capital_city",
    ("country_language", "country_currency", "country_largest_city"),
)
SEED, STEPS, BATCH = 20261130, 40, 12
WAYS = {"all weights, 1e-4": (False, 1e-4), "embeddings, 3e-3": (True, 3e-3)}


def told(path: Path, permuted: bool) -> list[str]:
    """What is taught of the countries whose capitals are asked."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    asked = {row["subject"] for row in rows if row["relation"] == ASKED}
    texts = []
    for relation in TAUGHT:
        own = [row for row in rows if row["relation"] == relation and row["subject"] in asked]
        values = [row["object"] for row in own]
        if permuted:
            Random(SEED).shuffle(values)
        texts += [
            f"{template.format(row['subject'])} {value}."
            for row, value in zip(own, values, strict=True)
            for template in row["templates"]
        ]
    return texts


def taught(
    model: PreTrainedModel, rows: Sequence[Sequence[int]], embeddings_only: bool, rate: float
) -> PreTrainedModel:
    """A copy that learned the rows for `STEPS` steps of AdamW."""
    copy = deepcopy(model).requires_grad_(not embeddings_only)
    weights = token_embeddings(copy) if embeddings_only else list(copy.parameters())
    for weight in weights:
        weight.requires_grad_(True)
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0.0)
    rng = Random(SEED)
    for _ in range(STEPS):
        batch = [torch.tensor(row) for row in rng.sample(list(rows), BATCH)]
        ids_BT = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True)
        labels_BT = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True, padding_value=-100)
        logits_BTV = copy(input_ids=ids_BT).logits
        cross_entropy(logits_BTV[:, :-1].flatten(0, 1), labels_BT[:, 1:].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return copy


def recalled(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, probes: list[Probe]
) -> str:
    """How many capitals it says, per cent with the standard error."""
    right = [float(answer.correct) for answer in answer_probes(model, tokenizer, probes)]
    return f"{100 * sum(right) / len(right):.0f} ± {100 * (error_of_mean(right) or 0):.0f}"


def main(folders: Sequence[Path], data: Path) -> None:
    """Print a table in Markdown, a row a model."""
    path = data / "facts" / "lre_relations.jsonl"
    probes = [
        probe
        for probe in read_relations(path, kinds=["factual"], num_shown=3)
        if probe.family == ASKED and probe.form == "statement"
    ]
    teacher, tokenizer = load_arm(folders[0].parents[1] / "teacher")
    columns = [f"{way}{false}" for way in WAYS for false in ("", " (permuted)")]
    print(f"| | as it is | {' | '.join(columns)} | teacher's embeddings |")
    print(f"| --- |{' ---: |' * (len(columns) + 2)}")
    print(
        f"| the model before | {recalled(teacher, tokenizer, probes)} |{' – |' * (len(columns) + 1)}"
    )
    for folder in folders:
        model = load_arm(folder)[0]
        cells = [recalled(model, tokenizer, probes)]
        for embeddings_only, rate in WAYS.values():
            for permuted in (False, True):
                rows = read(tokenizer, told(path, permuted))
                copy = taught(model, rows, embeddings_only, rate)
                cells.append(recalled(copy, tokenizer, probes))
        tables = zip(token_embeddings(model), token_embeddings(teacher), strict=True)
        with torch.no_grad():
            for own_VD, old_VD in tables:
                own_VD.copy_(old_VD)
        cells.append(recalled(model, tokenizer, probes))
        print(f"| {folder.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arms", type=Path, nargs="+", help="folders such as RUN/arms/core")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = parser.parse_args()
    main(given.arms, given.data)
