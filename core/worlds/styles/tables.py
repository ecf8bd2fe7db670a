"""Tables and lists of keys and values, mixed: nothing is a sentence."""

import re
from collections.abc import Iterator
from random import Random

from core.worlds.document import Document, Piece, fill
from core.worlds.facts import Entity, Facts, may_open
from core.worlds.reading import Form
from core.worlds.relations import Relation
from core.worlds.styles.style import NO_FORMS, Style, distinct

KEYS = ("name", "entry")  # what heads the column of names


def _telegram(cue: str) -> str:
    """The cue with the name at its end, without what separates it from the value."""
    short = re.sub(r"^(\w+): (.+)\n(\w+):$", r"\3, \1: \2", cue)
    return short.removesuffix(" |").removesuffix(":")


class Tables(Style):
    """One table, one list, or both by turns, with the attributes in any order."""

    frames = (
        "| name | {attribute} |\n| {name} | {value} |",
        "| entry | {attribute} |\n| {name} | {value} |",
        "name: {name}\n{attribute}: {value}",
        "entry: {name}\n{attribute}: {value}",
        "| {attribute} | {name} | {value} |",
        "{attribute} of {name}: {value}",
        "| {attribute} | name |\n| {value} | {name} |",
    )
    joint = "\n"
    forms = NO_FORMS
    reading = Form(telegram=_telegram, telegram_of=str, joint="\n", end="")

    def documents(
        self, entity: Entity, facts: Facts, rng: Random, count: int
    ) -> Iterator[Document]:
        """Documents of different layouts."""
        relations = facts.relations_of(entity.kind)

        def draw() -> Document:
            chosen = rng.sample(relations, len(relations))
            layout = rng.choice((_table, _list, _mixed))
            return layout(entity, chosen, facts, rng)

        yield from distinct(draw, count, [r.cue.format(name=entity.name) for r in relations])


def _table(entity: Entity, relations: list[Relation], facts: Facts, rng: Random) -> Document:
    head = " | ".join([rng.choice(KEYS), *(relation.attribute for relation in relations)])
    content = [Piece(f"| {head} |\n| "), Piece(entity.name, "name")]
    for relation in relations:
        content += [Piece(" | "), _value(entity, relation, facts)]
    return [*content, Piece(" |")]


def _list(entity: Entity, relations: list[Relation], facts: Facts, rng: Random) -> Document:
    content = [Piece(f"{rng.choice(KEYS)}: "), Piece(entity.name, "name")]
    for relation in relations:
        content += [Piece(f"\n{relation.attribute}: "), _value(entity, relation, facts)]
    return content


def _mixed(entity: Entity, relations: list[Relation], facts: Facts, rng: Random) -> Document:
    content: Document = []
    for relation in relations:
        choices = [said for said in relation.statements if content or may_open(said)]
        value = _value(entity, relation, facts)
        content += [Piece("\n")] if content else []
        content += fill(rng.choice(choices), entity.name, value.text, value.pool)
    return content


def _value(entity: Entity, relation: Relation, facts: Facts) -> Piece:
    return Piece(entity.values[relation.family], "memory", facts.pools[relation.family])


STYLE = Tables()
