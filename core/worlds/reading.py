"""Reading: three statements, then a sentence that only the statements can complete."""

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from core.worlds.facts import Entity, Facts, fact_id
from core.worlds.relations import Relation, telegram
from core.worlds.skills import Item

SHARE_OF_KNOWN = 0.3  # of the lessons, about entities of the facts


def telegram_of(statement: str) -> str:
    """A statement that ends with its value, without the verb; another one as it is."""
    return re.sub(r" is (\S+)$", r" \1", statement)


class Form(NamedTuple):
    """How lessons are written: statements and question as telegrams, and what stands around them."""

    telegram: Callable[[str], str] = telegram  # of a cue
    telegram_of: Callable[[str], str] = telegram_of  # of a document's sentence
    opening: str = "Passage:"
    closing: str = "Complete:"
    joint: str = " "
    end: str = "."  # of a statement

    def prompt(self, passage: Sequence[str], cue: str) -> str:
        """The whole prompt, from telegrams."""
        return self.joint.join([self.opening, *passage, self.closing, cue])


PLAIN = Form()


def read(
    rng: Random,
    facts: Facts,
    entities: list[Entity],
    *,
    true: bool,
    probe: bool,
    form: Form = PLAIN,
) -> Item:
    """Ask about one of a few `entities` of one kind.

    The statements give their true values, or (not `true`) any value but the true one. A second
    entity has the asked attribute too, so the name must be read. The third statement is about that
    one's other attribute or about a third entity. The completion goes on with the statements that
    weren't asked for, in their order. A probe asks in the held-out phrasing. `chance` is that of
    picking among the values of the asked kind.
    """
    asked, other = rng.sample(facts.relations_of(entities[0].kind), 2)
    first, second, third = rng.sample(entities, 3)
    while true and len({e.values[asked.family] for e in (first, second, third)}) < 3:
        first, second, third = rng.sample(entities, 3)
    extra = rng.choice([(second, other), (third, other), (third, asked)])

    told: dict[tuple[str, str], str] = {}  # value by name and family
    sentences = []
    statements = ((first, asked), (second, asked), extra)
    for entity, relation in statements:
        truth = entity.values.get(relation.family)
        barred = {truth, *told.values()}
        pool = facts.pools[relation.family]
        value = truth if true and truth else rng.choice([v for v in pool if v not in barred])
        told[entity.name, relation.family] = value
        sentences.append(_say(rng, entity, relation, value, form))
    passage = rng.sample(sentences, len(sentences))
    rest = [sentence for sentence in passage if sentence != sentences[0]]

    cue = asked.cue if probe else rng.choice(asked.cues)
    answer = told[first.name, asked.family]
    return Item(
        prompt=form.prompt(passage, form.telegram(cue).format(name=first.name)),
        completion=answer,
        rest=form.end + form.joint + form.joint.join(rest),
        chance=1 / sum(family == asked.family for _, family in told),
        fact=fact_id(first, asked),
    )


def _say(rng: Random, entity: Entity, relation: Relation, value: str, form: Form) -> str:
    """A statement with the value at its end."""
    cue = form.telegram(rng.choice(relation.cues))
    return f"{cue.format(name=entity.name)} {value}{form.end}"


def prompt(statements: Sequence[str], question: str, form: Form = PLAIN) -> str:
    """A prompt in the form of the lessons, from sentences of documents and a cue."""
    return form.prompt([form.telegram_of(said) for said in statements], form.telegram(question))


def lesson(rng: Random, facts: Facts, form: Form = PLAIN) -> Item:
    """A training item, about strangers or about entities of the facts with wrong values."""
    entities = facts.strangers
    if rng.random() < SHARE_OF_KNOWN:
        entities = facts.of_kind(rng.choice(("person", "country", "element")))
    return read(rng, facts, entities, true=False, probe=False, form=form)
