"""The embedded world's probes: what a model recalls, recites, reads and works out."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from random import Random
from typing import Any

from core.worlds import document, reading, skills
from core.worlds.document import Document
from core.worlds.facts import Entity, Facts, fact_id
from core.worlds.relations import FORMS, Relation
from core.worlds.verbatim import NUM_DIGITS, opening

Probe = dict[str, Any]


def recall(facts: Facts) -> list[Probe]:
    """One closed-book probe per fact, in the held-out phrasing; halves split by entity.

    `chance` is the best constant answer's share of the family.
    """
    return [probe for _, _, probe in _closed_book(facts)]


def rephrased(facts: Facts, forms: Mapping[str, str] = FORMS) -> list[Probe]:
    """The same facts in the other `forms`; none of these probes counts as recall.

    A choice is among all values of the family. The reverse asks for the entity, where no other entity
    has that value; what is mentioned once may have it too.
    """
    probes = []
    for relation, entity, asked in _closed_book(facts):
        entities, choices = facts.of_kind(relation.kind), facts.pools[relation.family]
        value = entity.values[relation.family]
        is_unique = sum(other.values[relation.family] == value for other in entities) == 1
        changes: dict[str, Probe] = {
            "question": {},
            "cloze": {},
            "choice": {"choices": choices, "chance": 1 / len(choices)},
        }
        if is_unique:
            changes["reverse"] = {"answers": [entity.name], "chance": 1 / len(entities)}
        words = {"attribute": relation.attribute, "name": entity.name, "value": value}
        for form, change in changes.items():
            if form not in forms:
                continue
            said = {"id": f"{form}-{asked['fact']}", "prompt": forms[form].format(**words)}
            probes.append({**asked, **said, "form": form, **change})
    return probes


def _closed_book(facts: Facts) -> Iterator[tuple[Relation, Entity, Probe]]:
    for relation in facts.relations:
        entities = facts.of_kind(relation.kind)
        counts = Counter(entity.values[relation.family] for entity in entities)
        for index, entity in enumerate(entities):
            fact = fact_id(entity, relation)
            yield (
                relation,
                entity,
                {
                    "id": f"recall-{fact}",
                    "axis": "recall",
                    "family": relation.family,
                    "prompt": relation.cue.format(name=entity.name),
                    "answers": [entity.values[relation.family]],
                    "fact": fact,
                    "half": _half(index),
                    "chance": max(counts.values()) / len(entities),
                },
            )


def recited(contents: dict[str, list[Document]]) -> list[Probe]:
    """One probe per canary and passage: its opening, to be continued to the end."""
    chances = {"canary": 10.0**-NUM_DIGITS, "passage": 0.0}
    probes = []
    for family, documents in contents.items():
        for index, content in enumerate(documents):
            prompt = opening(family, content)
            probes.append(
                {
                    "id": f"verbatim-{family}-{index}",
                    "axis": "verbatim",
                    "family": family,
                    "prompt": prompt,
                    "answers": [document.text(content).removeprefix(prompt + " ").rstrip(".")],
                    "fact": f"{family}-{index}",
                    "half": _half(index),
                    "chance": chances[family],
                }
            )
    return probes


def open_book(
    facts: Facts, seed: int, count: int, form: reading.Form = reading.PLAIN
) -> list[Probe]:
    """Reading about people never seen, and about known entities with right and wrong values."""
    probes = []
    seen = set[str]()
    for family in ("fresh", "true", "counterfactual"):
        rng = Random(f"{seed}/probes/{family}")
        for index in range(count):
            entities = facts.probe_strangers
            if family != "fresh":
                entities = facts.of_kind(rng.choice(("person", "country", "element")))
            draw = partial(
                reading.read, rng, facts, entities, true=family == "true", probe=True, form=form
            )
            item = skills.draw_new(draw, seen, family)
            probe = task(f"open_book-{family}-{index}", "open_book", family, item)
            probes.append(probe if family == "fresh" else probe | {"fact": item.fact})
    return probes


def reasoning(
    seed: int, count: int, families: Mapping[str, Callable[[Random], skills.Item]]
) -> list[Probe]:
    """`count` items of each skill, none of which is a training item."""
    probes = []
    seen = set[str]()
    for family, skill in families.items():
        rng = Random(f"{seed}/probes/{family}")
        for index in range(count):
            item = skills.draw_new(partial(skill, rng), seen, family)
            probes.append(task(f"reasoning-{family}-{index}", "reasoning", family, item))
    return probes


def task(name: str, axis: str, family: str, item: skills.Item) -> Probe:
    """A probe that asks for an item."""
    return {
        "id": name,
        "axis": axis,
        "family": family,
        "prompt": item.prompt,
        "answers": [item.completion],
        "chance": item.chance,
    }


def _half(index: int) -> str:
    return "ab"[index % 2]
