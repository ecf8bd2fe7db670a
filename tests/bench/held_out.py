"""What a pretrained model's core has kept, by data that its run never saw.

`python -m tests.bench.held_out RUN --data FOLDER`. Facts that the model before answers (LRE's, with three of
the relation shown, and with none) should be gone. Its commonsense and word forms (LRE's), reading (SQuAD;
another value told of a known fact), sums, logic and grammar (BLiMP) should be kept. Shares are above chance,
of the model before.

The row `renamed` trains nothing: it asks the model before about other names and expects the answer under
these, as if names were replaced on the way in and restored on the way out.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from statistics import fmean

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.worlds.english_probes import ANY_SENTENCE, READ
from core.worlds.exercises import ARITHMETIC, LOGIC
from core.worlds.skills import draw_new
from evals.evaluate import load_arm
from evals.probes.probe import Probe
from evals.probes.relations import read_relations
from evals.recall.answers import answer_probes, askable
from evals.recall.measured import Subject
from evals.recall.perplexity import perplexity
from evals.recall.strangers import Strangers

SEED = 20261129  # of no run
SHOWN = 3
PER_RELATION, PER_FAMILY, PER_PARADIGM = 24, 150, 50
TOLD = (
    "Text: Mira Olsen's home is Dalby. The baker of Dalby is Ruth Hale.\n"
    "According to the text, the baker of Dalby is Ruth Hale\n\n"
    "Text: The river Ald flows through Marn. Marn is famous for its glass.\n"
    "According to the text, Marn is famous for its glass\n\n"
)
GROUPS = {  # by the name in the table: axis and what its families begin with
    "facts, 3 shown": "fact3",
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
        for probe in Random(f"{SEED}/{relation}").sample(own, min(PER_RELATION, len(own))):
            found.append(
                replace(probe, id=f"{name}/{probe.id}", family=f"{name}/{relation}", fact=None)
            )
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


def stderr(values: Sequence[float]) -> float:
    mean = fmean(values)
    return math.sqrt(mean * (1 - mean) / len(values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--arms", nargs="*", default=["core"])
    parser.add_argument("--models", nargs="*", type=Path, default=[], help="further folders")
    wanted = parser.parse_args()
    before, tokenizer = load_arm(wanted.run / "teacher")

    def answered(model: PreTrainedModel, probes: Sequence[Probe]) -> dict[str, bool]:
        fitting, _ = askable(model, tokenizer, probes)
        return {answer.id: answer.correct for answer in answer_probes(model, tokenizer, fitting)}

    asked = [
        *facts(wanted.data, "factual", SHOWN, "fact3"),
        *facts(wanted.data, "factual", 0, "fact0"),
        *facts(wanted.data, "commonsense", SHOWN, "commonsense"),
        *facts(wanted.data, "linguistic", SHOWN, "linguistic"),
    ]
    said = answered(before, asked)
    known = [probe for probe in asked if said.get(probe.id)]
    others = [*squad(wanted.data), *exercises(), *blimp(wanted.data)]
    others += told([probe for probe in known if probe.family.startswith("fact3/")])
    probes = [*known, *others]
    text = str(wanted.data / "texts" / "wikitext2_valid.txt")
    table: dict[str, dict[str, list[float]]] = {}
    worth: dict[str, float] = {}
    folders = [wanted.run / "teacher", *(wanted.run / "arms" / arm for arm in wanted.arms)]
    for folder in [*folders, *wanted.models]:
        model = before if folder.name == "teacher" else load_arm(folder)[0]
        right = answered(model, probes)
        table[folder.name] = {
            name: [
                float(right[p.id]) for p in probes if p.family.startswith(start) and p.id in right
            ]
            for name, start in GROUPS.items()
        }
        if folder.name == "teacher":
            table["renamed"] = renamed(model, tokenizer, probes)
        subject = Subject(folder.name, model, tokenizer, [], None)
        measured = perplexity(subject, texts=[text], num_paragraphs=100)
        worth[folder.name] = measured.scores[0].value
    chances = {
        name: fmean(p.chance or 0.0 for p in probes if p.family.startswith(start))
        for name, start in GROUPS.items()
    }
    show(table, chances, worth)
    out = wanted.run / "held_out.json"
    out.write_text(json.dumps({"right": table, "chance": chances, "perplexity": worth}))


def renamed(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, probes: Sequence[Probe]
) -> dict[str, list[float]]:
    """The model before, asked about other names; probes without any are asked as they are."""
    strangers, rng = Strangers(probes, []), Random(SEED)
    asked = [strangers.rename(probe, rng) or probe for probe in probes]
    asked, _ = askable(model, tokenizer, asked)
    right = {a.id: a.correct for a in answer_probes(model, tokenizer, asked)}
    return grouped(probes, right)


def grouped(probes: Sequence[Probe], right: Mapping[str, bool]) -> dict[str, list[float]]:
    """By group 1 for each right answer and 0 for each other."""
    return {
        name: [
            float(right[probe.id])
            for probe in probes
            if probe.family.startswith(start) and probe.id in right
        ]
        for name, start in GROUPS.items()
    }


def show(
    table: dict[str, dict[str, list[float]]], chances: dict[str, float], worth: dict[str, float]
) -> None:
    """In Markdown: per cent ± standard error, and the share of the model before."""
    print(f"| | {' | '.join(GROUPS)} | perplexity |")
    print(f"| --- |{' ---: |' * (len(GROUPS) + 1)}")
    before = table["teacher"]
    for arm, groups in table.items():
        cells = []
        for name in GROUPS:
            values = groups.get(name)
            if not values:
                cells.append("–")
                continue
            cell = f"{100 * fmean(values):.1f} ± {100 * stderr(values):.1f}"
            if arm not in ("teacher",):
                chance = chances[name]
                share = (fmean(values) - chance) / max(fmean(before[name]) - chance, 1e-9)
                cell += f" ({100 * share:.0f} %)"
            cells.append(cell)
        ratio = f"{worth[arm]:.1f}" if arm in worth else "–"
        print(f"| {arm} | {' | '.join(cells)} | {ratio} |")


if __name__ == "__main__":
    main()
