"""How the embedded world says, asks and tests each kind of fact.

All relations share the same frames. Each is taught in all of them but one, and probed in that one: the
probe's phrasing is never used for the relation in training, and is understood by way of the others.
"""

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
VALUE = " {value}."
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
    cues: tuple[str, ...]  # those that end with the value, up to it
    cue: str  # the probe's phrasing, up to the value

    @property
    def kind(self) -> str:
        """The kind of entity that has this attribute."""
        return self.family.split("/")[0]

    @property
    def attribute(self) -> str:
        """What it is called in a sentence."""
        return self.family.split("/")[1]


def _relation(number: int, family: str) -> Relation:
    statements = [frame.replace("{attribute}", family.split("/")[1]) for frame in FRAMES]
    held_out = statements.pop(number % (len(FRAMES) - 1))
    cues = [said.removesuffix(VALUE) for said in statements if said.endswith(VALUE)]
    return Relation(family, tuple(statements), tuple(cues), held_out.removesuffix(VALUE))


RELATIONS = tuple(_relation(number, family) for number, family in enumerate(FAMILIES))


def relations_of(kind: str) -> list[Relation]:
    """The attributes that entities of this kind have."""
    return [relation for relation in RELATIONS if relation.kind == kind]
