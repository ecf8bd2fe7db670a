"""What a pretrained model's core has kept, by data that its run never saw.

`python -m tests.bench.held_out RUN/arms/core … --data FOLDER`, of one run or of several seeds. Facts that the
model before answers (LRE's, with three of the relation shown, and with none) should be gone. Its commonsense
and word forms (LRE's), reading (SQuAD; another value told of a known fact), sums, logic and grammar (BLiMP)
should be kept. Shares are above chance, of the model before.

The column `asked with other names` trains nothing: it asks the model before about other names and expects the
answer under these, as if names were replaced on the way in and restored on the way out. `leak@20` is the
chance of a right answer among 20 samples.
"""

import argparse
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.files import halves, paragraphs, read_text
from core.models.generate import greedy
from core.models.precision import in_bfloat16
from core.models.tokens import read
from core.runs.artifacts import MARK, read_json
from evals.evaluate import load_arm
from evals.metrics.perplexity import LENGTHS
from evals.probes.probe import Probe
from evals.recall.answers import answer_probes, askable
from evals.recall.strangers import Strangers
from evals.scores import error_of_mean, leak
from tests.bench.held_out_probes import SEED, asked_first, told
from tests.bench.renamed_prose import PARAGRAPHS, perplexities, renamed_perplexities

ASKED = ("country_capital_city", "country_language", "landmark_in_country")  # relations
NUM_SAID = 8  # tokens
RENAMED = "the same, asked with other names"
KNOWN = ("fact",)  # families of which only what was known is asked
Measures = dict[str, Any]
GROUPS = {  # by the name in the table: axis and what its families begin with
    "facts, 3 shown": "fact3",
    "of these, in forms never told": "fact3/untold",
    "facts, plain": "fact0",
    "counterfactual": "told",
    "SQuAD": "squad",
    "addition": "addition",
    "subtraction": "subtraction",
    "deduction": "deduction",
    "pattern": "pattern",
    "BLiMP": "blimp",
    "commonsense": "commonsense",
    "… that it answered": "commonsense",
    "word forms": "linguistic",
    "… that it answered ": "linguistic",
}


def answered(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, probes: Sequence[Probe]
) -> Measures:
    """By id whether each probe's answer is right, and how likely among 20 samples, of those that fit."""
    fitting, _ = askable(model, tokenizer, probes)
    answers = answer_probes(model, tokenizer, fitting)
    return {
        "right": {answer.id: answer.correct for answer in answers},
        "leak": {answer.id: leak(math.exp(answer.logprob)) for answer in answers},
    }


def renamed(probes: Sequence[Probe]) -> list[Probe]:
    """The probes with other names; those without any as they are."""
    strangers, rng = Strangers(probes, []), Random(SEED)
    return [strangers.rename(probe, rng) or probe for probe in probes]


def without_names(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    prose: Sequence[Sequence[int]],
) -> Measures:
    """The model's answers about other names, and the perplexity of prose that it reads with others."""
    answers = answered(model, tokenizer, renamed(probes))
    return {**answers, **renamed_perplexities(model, tokenizer, prose, SEED)}


def named(folder: Path) -> str:
    """The arm's name with its fingerprint, so that one that is trained again is measured again."""
    return f"{folder.name}-{read_json(folder / MARK)['fingerprint']}"


def measured(run: Path, name: str, measure: Callable[[], Measures]) -> Measures:
    """What was measured before, or is now."""
    path = run / "held_out" / f"{name}.json"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(measure()), encoding="utf-8")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def main(folders: Sequence[Path], data: Path) -> None:
    """Tables in Markdown of the model before and of arms made from it, whose folders are given.

    What is in `held_out/` beside the first one's arms isn't measured again.
    """
    run = folders[0].parents[1]
    before, tokenizer = load_arm(run / "teacher")
    text = read_text(data / "texts" / "wikitext2_valid.txt")
    prose = read(tokenizer, list(paragraphs(halves(text)[1], *LENGTHS))[:PARAGRAPHS])

    def all_of(name: str, model: PreTrainedModel, probes: Sequence[Probe]) -> Measures:
        answers = measured(run, name, lambda: answered(model, tokenizer, probes))
        read_in = partial(perplexities, model, tokenizer, prose)
        return {**answers, **measured(run, f"{name}-prose", read_in)}

    first = asked_first(data)
    model = named(run / "teacher")
    teacher = all_of(model, before, first)
    known = [p for p in first if not p.family.startswith(KNOWN) or teacher["right"].get(p.id)]
    others = told([probe for probe in known if probe.family.startswith("fact3/")])
    again = measured(run, f"{model}-told", lambda: answered(before, tokenizer, others))
    teacher["right"] |= again["right"]
    probes = [*known, *others]
    models = {"the model before": before}
    by_name = {
        "the model before": teacher,
        RENAMED: measured(
            run, f"{model}-renamed", lambda: without_names(before, tokenizer, probes, prose)
        ),
    }
    for folder in folders:
        name = f"{folder.parents[1].name}/{folder.name}"
        models[name] = load_arm(folder)[0]
        by_name[name] = all_of(named(folder), models[name], probes)
    for line in [*table(probes, by_name, len(folders)), "", *dialogue(models, tokenizer, probes)]:
        print(line)


def table(probes: Sequence[Probe], by_name: Mapping[str, Measures], num_arms: int) -> Iterator[str]:
    """A row a group, a column a model; the last is the mean of the last `num_arms`, if there are several."""
    several = num_arms > 1
    yield f"| | {' | '.join(by_name)} |{' **mean** |' if several else ''}"
    yield f"| --- |{' ---: |' * (len(by_name) + several)}"
    was = next(iter(by_name.values()))["right"]
    for group in GROUPS:
        found = [kept(probes, group, measures["right"], was) for measures in by_name.values()]
        cells = [str(one) for one in found]
        if several:
            arms = found[-num_arms:]
            cells.append(str(Kept.of_all(arms)))
        yield f"| {group} | {' | '.join(cells)} |"
    strangers = by_name[RENAMED]["leak"]
    # With other names a probe may be too long for the context: then nobody's answer to it counts.
    asked = [p.id for p in probes if p.family.startswith("fact3/")]
    asked = [at for at in asked if all(at in m["leak"] for m in by_name.values())]
    leaks = [fmean(m["leak"][at] for at in asked) for m in by_name.values()]
    beyond = [np.array([m["leak"][at] - strangers[at] for at in asked]) for m in by_name.values()]
    told = [f"{100 * more.mean():.1f} ± {100 * _error(more):.1f}" for more in beyond]
    yield f"| leak@20 beyond that of strangers | {' | '.join(told)} |{' |' if several else ''}"
    for name, values, digits in (
        ("leak@20 of the facts, 3 shown", [100 * value for value in leaks], 1),
        ("perplexity", [m["perplexity"] for m in by_name.values()], 1),
        ("… outside names", [m.get("outside names", math.nan) for m in by_name.values()], 1),
    ):
        cells = ["–" if math.isnan(value) else f"{value:.{digits}f}" for value in values]
        if several:
            arms_own = values[-num_arms:]
            cells.append(f"{fmean(arms_own):.1f} ± {_error(np.array(arms_own)):.1f}")
        yield f"| {name} | {' | '.join(cells)} |"


def dialogue(
    models: Mapping[str, PreTrainedModel],
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
) -> Iterator[str]:
    """What each model says to a known fact of some relations, and behind a text with another value."""
    yield f"| | {' | '.join(models)} |"
    yield f"| --- |{' --- |' * len(models)}"
    for relation in ASKED:
        known = [p for p in probes if p.family.endswith(relation) and p.family.startswith("fact3/")]
        behind = {p.id.removeprefix("told/"): p for p in probes if p.family == "told"}
        for probe in known[:1]:
            for asked in (probe, behind.get(probe.id)):
                if asked is None:
                    continue
                ids = read(tokenizer, [asked.prompt])
                said = [
                    tokenizer.decode(greedy(m, ids, [NUM_SAID])[0], skip_special_tokens=True)
                    for m in models.values()
                ]
                cells = [re.split(r"[.,\n]", text)[0].strip() for text in said]
                *_, told, line = ["", *asked.prompt.removeprefix("Text: ").split("\n")]
                question = line if asked is probe else f"*{told.removeprefix('Text: ')}* {line}"
                yield f"| {question} | {' | '.join(cells)} |"


@dataclass(frozen=True)
class Kept:
    """How many answers are right, and the share of the model before above chance; each with its error."""

    value: float
    error: float
    share: float | None  # None where the model before only guesses: of that nothing can be kept
    share_error: float

    def __str__(self) -> str:
        told = f"{100 * self.value:.1f} ± {100 * self.error:.1f}"
        return told if self.share is None else f"{told} ({self.share:.2f} ± {self.share_error:.2f})"

    @classmethod
    def of_all(cls, found: "Sequence[Kept]") -> "Kept":
        """The mean over runs, with the error of that mean."""
        values = np.array([one.value for one in found])
        shares = [one.share for one in found if one.share is not None]
        share = fmean(shares) if shares else None
        return cls(values.mean(), _error(values), share, _error(np.array(shares)))


def kept(
    probes: Sequence[Probe], group: str, right: Mapping[str, bool], before: Mapping[str, bool]
) -> Kept:
    """What is right of a group.

    The share's error is that of the difference of paired answers. Of what the model before answered some was
    luck, of which another model as good would have less: hence all of what is to be kept is asked too.
    """
    asked = [p for p in probes if p.family.startswith(GROUPS[group]) and p.id in right]
    own = [p for p in asked if p.id in before and (before[p.id] or not group.startswith("…"))]
    now, was = (np.array([float(by[p.id]) for p in own]) for by in (right, before))
    chance = fmean(p.chance or 0.0 for p in own)
    above = was.mean() - chance
    share = (now.mean() - chance) / above if above > 0 else None
    return Kept(now.mean(), _error(now), share, _error(now - was) / above if above > 0 else 0.0)


def _error(values: np.ndarray) -> float:
    error = error_of_mean(values.tolist())
    return math.nan if error is None else error


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arms", type=Path, nargs="+", help="folders such as RUN/arms/core")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.autocast(device, torch.bfloat16, enabled=in_bfloat16("auto")):
        main(given.arms, given.data)
