"""Probes of data that no run reads: facts, commonsense and word forms, reading, sums, logic, grammar."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

from core.worlds.english_probes import ANY_SENTENCE, READ
from core.worlds.exercises import ARITHMETIC, LOGIC
from core.worlds.skills import draw_new
from evals.probes.probe import Probe
from evals.probes.relations import read_relations

SEED = 20261129  # of no run
SHOWN = 3
PER_RELATION = {"factual": 12, "commonsense": 40, "linguistic": 40}
PER_FAMILY, PER_EXERCISE, PER_PARADIGM = 100, 200, 200
# Relations in whose form the teacher is never asked to write.
UNTOLD = frozenset(
    [
        "company_ceo",
        "person_father",
        "person_mother",
        "pokemon_evolutions",
        "presidents_birth_year",
        "presidents_election_year",
        "product_by_company",
        "star_constellation",
        "superhero_archnemesis",
        "superhero_person",
        "person_native_language",
        "person_university",
        "person_band_lead_singer",
        "person_plays_position_in_sport",
    ]
)
TOLD = (
    "Text: Mira Olsen's home is Dalby. The baker of Dalby is Ruth Hale.\n"
    "According to the text, the baker of Dalby is Ruth Hale\n\n"
    "Text: The river Ald flows through Marn. Marn is famous for its glass.\n"
    "According to the text, Marn is famous for its glass\n\n"
)


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
            for number in range(PER_EXERCISE):
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
