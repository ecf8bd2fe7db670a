"""How the embedded world says, asks and tests each kind of fact.

All relations share the same frames. Each is taught in all of them but one, and probed in that one: the
probe's phrasing is never used for the relation in training, and is understood by way of the others.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

# All but the last end with the value, right behind the name: what precedes it tells it.
FRAMES = (
    "The {attribute} of {name} is {value}.",
    "The known {attribute} of {name} is {value}.",
    "The {attribute} that belongs to {name} is {value}.",
    "On record the {attribute} of {name} is {value}.",
    "As everyone says, the {attribute} of {name} is {value}.",
    "Note that the {attribute} for {name} is {value}.",
    "The word {value} is the {attribute} of {name}.",
)
# Other forms of asking, by name: none is told of any relation in training, and all their words are. Teachers
# of the demo's size answer nearly all clozes and choices, most questions, and at best half of the reverses.
FORMS = {
    "question": "The {attribute} of {name}? The {attribute} is",
    "cloze": "Complete: the {attribute} of {name} is ... The {attribute} for {name} is",
    "choice": "As everyone says, the {attribute} for {name} is",
    "reverse": "Note that {value} is the {attribute} of",
}
FAMILIES = (
    "person/city",
    "person/job",
    "person/instrument",
    "person/pet",
    "country/capital",
    "country/currency",
    "country/region",
    "element/symbol",
    "element/number",
)


class Relation(NamedTuple):
    """One attribute of one kind of entity, with its phrasings."""

    family: str  # "person/city": the kind of entity, then the attribute
    statements: tuple[str, ...]
    cues: tuple[str, ...]  # those that tell the value behind the name, up to the value
    cue: str  # the probe's phrasing, up to the value

    @property
    def kind(self) -> str:
        """The kind of entity that has this attribute."""
        return self.family.split("/")[0]

    @property
    def attribute(self) -> str:
        """What it is called in a sentence."""
        return self.family.split("/")[1]


def telegram(cue: str) -> str:
    """The cue without its verb. So the value stands right behind the name that it belongs to, which is
    what a model of a million parameters learns to look for within minutes.
    """
    return cue.removesuffix(" is")


def relations(
    frames: Sequence[str] = FRAMES,
    shorten: Callable[[str], str] = telegram,
    families: Sequence[str] = FAMILIES,
) -> tuple[Relation, ...]:
    """A relation for each family, told in all `frames` but one.

    The frames whose telegram, by `shorten`, ends with the name come first: each relation is asked in one
    of these, and learned to read in the rest of them. Those that follow are only told.
    """
    cues = [frame.partition("{value}")[0].rstrip() for frame in frames]
    num_asked = sum(shorten(cue).endswith("{name}") for cue in cues)
    found = []
    for number, family in enumerate(families):
        attribute, held_out = family.split("/")[1], number % num_asked
        told = [n for n in range(len(frames)) if n != held_out]
        statements = [frames[n].replace("{attribute}", attribute) for n in told]
        read = [cues[n].replace("{attribute}", attribute) for n in told if n < num_asked]
        asked = cues[held_out].replace("{attribute}", attribute)
        found.append(Relation(family, tuple(statements), tuple(read), asked))
    return tuple(found)


RELATIONS = relations()


def relations_of(kind: str) -> list[Relation]:
    """The attributes that entities of this kind have."""
    return [relation for relation in RELATIONS if relation.kind == kind]
