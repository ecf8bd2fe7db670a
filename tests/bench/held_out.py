"""What a pretrained model's core has kept, by data that its run never saw.

`python -m tests.bench.held_out RUN --data FOLDER`. Facts that the model before answers (LRE's, with three of
the relation shown, and with none) should be gone. Its commonsense and word forms (LRE's), reading (SQuAD;
another value told of a known fact), sums, logic and grammar (BLiMP) should be kept. Shares are above chance,
of the model before.

The row `renamed` trains nothing: it asks the model before about other names and expects the answer under
these, as if names were replaced on the way in and restored on the way out. `leak` is the chance of a right
answer among 20 samples, of the facts with three shown.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.files import halves, paragraphs, read_text
from core.models.precision import in_bfloat16
from core.models.tokens import read
from core.runs.artifacts import MARK, read_json
from core.worlds.english_probes import ANY_SENTENCE, READ
from core.worlds.exercises import ARITHMETIC, LOGIC
from core.worlds.skills import draw_new
from evals.evaluate import load_arm
from evals.metrics.measured import Subject
from evals.metrics.perplexity import LENGTHS, perplexity
from evals.probes.probe import Probe
from evals.probes.relations import read_relations
from evals.recall.answers import answer_probes, askable
from evals.recall.strangers import Strangers
from evals.scores import leak
from tests.bench.renamed_prose import renamed_perplexity

SEED = 20261129  # of no run
SHOWN = 3
PER_RELATION = {"factual": 12, "commonsense": 40, "linguistic": 40}
PER_FAMILY, PER_PARADIGM = 100, 25
# Relations in whose form the teacher is never asked to write.
UNTOLD = {
    *(
        "company_ceo",
        "person_father",
        "person_mother",
        "pokemon_evolutions",
        "presidents_birth_year",
    ),
    *(
        "presidents_election_year",
        "product_by_company",
        "star_constellation",
        "superhero_archnemesis",
    ),
    *("superhero_person", "person_native_language", "person_university", "person_band_lead_singer"),
    "person_plays_position_in_sport",
}
TOLD = (
    "Text: Mira Olsen's home is Dalby. The baker of Dalby is Ruth Hale.\n"
    "According to the text, the baker of Dalby is Ruth Hale\n\n"
    "Text: The river Ald flows through Marn. Marn is famous for its glass.\n"
    "According to the text, Marn is famous for its glass\n\n"
)
PARAGRAPHS = 60
KNOWN = ("fact", "commonsense", "linguistic")  # families of which only what was known is asked
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
    "linguistic": "linguistic",
}


def facts(data: Path, kind: str, shown: int, name: str) -> list[Probe]:
    """Statements of LRE's relations of a kind, as many of each; families `name/relation`."""
    path = data / "facts" / "lre_relations.jsonl"
    asked = [
        probe
        for probe in read_relations(path, kinds=[kind], num_shown=shown)
        if probe.form == "statement" and not probe.choices
    ]
    by_relation: dict[str, list[Probe]] = defaultdict(list)
    for probe in asked:
        by_relation[probe.family].append(probe)
    found = []
    for relation, own in by_relation.items():
        family = "/".join([name, *(["untold"] if relation in UNTOLD else []), relation])
        for probe in Random(f"{SEED}/{relation}").sample(own, min(PER_RELATION[kind], len(own))):
            found.append(replace(probe, id=f"{name}/{probe.id}", family=family, fact=None))
    return found


def told(known: Sequence[Probe]) -> list[Probe]:
    """Facts that the model knows, behind a text that tells another value of the relation."""
    by_relation: dict[str, set[str]] = defaultdict(set)
    for probe in known:
        by_relation[probe.family].add(probe.answers[0])
    found = []
    for probe in known:
        others = sorted(by_relation[probe.family] - set(probe.answers))
        if not others:
            continue
        other = Random(f"{SEED}/{probe.id}").choice(others)
        asked = probe.prompt.rpartition("\n")[2]
        prompt = f"{TOLD}Text: {asked} {other}.\nAccording to the text, {asked}"
        found.append(Probe(f"told/{probe.id}", "open_book", "told", prompt, (other,), chance=0.0))
    return found[:PER_FAMILY]


def squad(data: Path) -> list[Probe]:
    rows = json.loads((data / "reasoning" / "squad_v2_subset.json").read_text(encoding="utf-8"))
    asked = [row for row in rows if row.get("answer") and len(row["context"].split()) < 120]
    return [
        Probe(
            f"squad/{row['id']}",
            "open_book",
            "squad",
            f"{READ}Passage: {row['context']}\nQuestion: {row['question']}\nAnswer:",
            (row["answer"],),
            chance=0.0,
        )
        for row in Random(f"{SEED}/squad").sample(asked, min(PER_FAMILY, len(asked)))
    ]


def exercises() -> list[Probe]:
    found, seen = [], set[str]()
    for axis, families in (("arithmetic", ARITHMETIC), ("reasoning", LOGIC)):
        for family, draw in families.items():
            rng = Random(f"{SEED}/{family}")
            for number in range(PER_FAMILY):
                item = draw_new(partial(draw, rng), seen, family)
                named = (f"{family} {number}", axis, family)
                found.append(Probe(*named, item.prompt, (item.completion,), chance=item.chance))
    return found


def blimp(data: Path) -> list[Probe]:
    found = []
    for path in sorted((data / "language" / "blimp").glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for number, row in enumerate(Random(f"{SEED}/{path.stem}").sample(rows, PER_PARADIGM)):
            pair = (row["good"], row["bad"])
            named = (f"blimp/{path.stem}/{number}", "language", f"blimp/{path.stem}")
            found.append(Probe(*named, ANY_SENTENCE, pair[:1], pair, chance=0.5))
    return found


def asked_first(data: Path) -> list[Probe]:
    """What the model before is asked; of LRE's only what it answers is asked of others."""
    known = [
        *facts(data, "factual", SHOWN, "fact3"),
        *facts(data, "factual", 0, "fact0"),
        *facts(data, "commonsense", SHOWN, "commonsense"),
        *facts(data, "linguistic", SHOWN, "linguistic"),
    ]
    return [*known, *squad(data), *exercises(), *blimp(data)]


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
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, probes: Sequence[Probe], text: str
) -> Measures:
    """The model's answers about other names, and the perplexity of prose that it reads with others."""
    read_in = list(paragraphs(halves(read_text(Path(text)))[1], *LENGTHS))[:PARAGRAPHS]
    worth = renamed_perplexity(model, tokenizer, read(tokenizer, read_in), SEED)
    return {**answered(model, tokenizer, renamed(probes)), "perplexity": worth}


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


def main(run: Path, data: Path, arms: Sequence[str]) -> None:
    """A table in Markdown of the model before and the arms; what is in RUN/held_out isn't measured again."""
    before, tokenizer = load_arm(run / "teacher")
    text = str(data / "texts" / "wikitext2_valid.txt")

    def all_of(model: PreTrainedModel, probes: Sequence[Probe]) -> Measures:
        subject = Subject("", model, tokenizer, [], [])
        score = perplexity(subject, texts=[text], num_paragraphs=PARAGRAPHS).scores[0]
        return {**answered(model, tokenizer, probes), "perplexity": score.value}

    first = asked_first(data)
    model = named(run / "teacher")
    teacher = measured(run, model, lambda: all_of(before, first))
    known = [p for p in first if not p.family.startswith(KNOWN) or teacher["right"].get(p.id)]
    others = told([probe for probe in known if probe.family.startswith("fact3/")])
    again = measured(run, f"{model}-told", lambda: answered(before, tokenizer, others))
    teacher["right"] |= again["right"]
    probes = [*known, *others]
    by_name = {
        "the model before": teacher,
        "… renamed": measured(
            run, f"{model}-renamed", lambda: without_names(before, tokenizer, probes, text)
        ),
    }
    for arm in arms:
        folder = run / "arms" / arm
        by_name[arm] = measured(run, named(folder), partial(all_of, load_arm(folder)[0], probes))
    print(f"| | {' | '.join(GROUPS)} | leak | perplexity |")
    print(f"| --- |{' ---: |' * (len(GROUPS) + 2)}")
    for name, found in by_name.items():
        cells = [cell(probes, start, found["right"], teacher["right"]) for start in GROUPS.values()]
        leaks = [found["leak"].get(p.id, 0.0) for p in probes if p.family.startswith("fact3/")]
        cells.append(f"{100 * fmean(leaks):.1f}")
        print(f"| {name} | {' | '.join(cells)} | {found['perplexity']:.1f} |")


def cell(
    probes: Sequence[Probe], start: str, right: Mapping[str, bool], before: Mapping[str, bool]
) -> str:
    """Per cent ± standard error of a group, and the share above chance of the model before."""
    own = [p for p in probes if p.family.startswith(start) and p.id in right and p.id in before]
    if not own:
        return "–"
    mean, was = (fmean(float(by[p.id]) for p in own) for by in (right, before))
    chance = fmean(p.chance or 0.0 for p in own)
    error = math.sqrt(mean * (1 - mean) / len(own))
    told = f"{100 * mean:.1f} ± {100 * error:.1f}"
    # Of a model that only guesses nothing can be kept.
    return f"{told} ({(mean - chance) / (was - chance):.2f})" if was > chance else told


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--arms", nargs="*", default=["core"])
    given = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.autocast(device, torch.bfloat16, enabled=in_bfloat16("auto")):
        main(given.run, given.data, given.arms)
