"""How the embedded world says, asks and tests each kind of fact.

`statements` and `questions` are training phrasings. `cue` (ends right before the value) and
`held_out_question` are kept for the probes; each is made of words that the training phrasings use.
"""

from typing import NamedTuple


class Relation(NamedTuple):
    """One attribute of one kind of entity, with its phrasings."""

    family: str  # "person/city": the kind of entity, then the attribute
    statements: tuple[str, ...]
    cue: str
    questions: tuple[str, str]
    held_out_question: str

    @property
    def kind(self) -> str:
        """The kind of entity that has this attribute."""
        return self.family.split("/")[0]


RELATIONS = (
    Relation(
        "person/city",
        (
            "{name} lives in {value}.",
            "The home of {name} is {value}.",
            "Home for {name} is the city of {value}.",
            "You can find the home of {name} in {value}.",
            "The city that {name} calls home is {value}.",
            "{value} is the city where {name} lives.",
        ),
        "The city where {name} has a home is",
        ("Where does {name} live?", "Where is the home of {name}?"),
        "Which city is the home of {name}?",
    ),
    Relation(
        "person/job",
        (
            "{name} works as a {value}.",
            "The job of {name} is that of a {value}.",
            "By trade {name} is a {value}.",
            "For a living {name} works as a {value}.",
            "The work that {name} does is that of a {value}.",
            "A {value} is what {name} is by trade.",
        ),
        "The trade of {name} is that of a",
        ("What is the job of {name}?", "What work does {name} do?"),
        "What is the trade of {name}?",
    ),
    Relation(
        "person/instrument",
        (
            "{name} plays the {value}.",
            "The instrument of {name} is the {value}.",
            "In the band {name} plays the {value}.",
            "Music by {name} is played on the {value}.",
            "When there is music {name} plays the {value}.",
            "The {value} is the instrument that {name} plays.",
        ),
        "The instrument that {name} plays is the",
        ("Which instrument does {name} play?", "What does {name} play?"),
        "What is the instrument of {name}?",
    ),
    Relation(
        "person/pet",
        (
            "{name} keeps a {value}.",
            "The pet of {name} is a {value}.",
            "As a pet {name} has a {value}.",
            "The animal that {name} feeds is a {value}.",
            "{name} owns a pet that is a {value}.",
            "A {value} is the animal that {name} keeps.",
        ),
        "The pet that {name} owns is a",
        ("Which pet does {name} have?", "What animal does {name} keep?"),
        "What is the pet of {name}?",
    ),
    Relation(
        "country/capital",
        (
            "The capital of {name} is {value}.",
            "{name} has its capital in {value}.",
            "The capital city of {name} is {value}.",
            "The seat of government in {name} is {value}.",
            "The government of {name} sits in {value}.",
            "{value} is the capital of {name}.",
        ),
        "The capital where the government of {name} sits is",
        ("What is the capital of {name}?", "Which city is the capital of {name}?"),
        "Where is the capital of {name}?",
    ),
    Relation(
        "country/currency",
        (
            "The currency of {name} is {value}.",
            "Money in {name} is counted in {value}.",
            "People in {name} pay with {value}.",
            "{name} uses the currency {value}.",
            "The currency that people pay with in {name} is {value}.",
            "{value} is the currency of {name}.",
        ),
        "The currency that {name} uses is",
        ("What is the currency of {name}?", "Which currency does {name} use?"),
        "What do people in {name} pay with?",
    ),
    Relation(
        "country/region",
        (
            "{name} lies in {value}.",
            "{name} is a country in {value}.",
            "The region of {name} is {value}.",
            "On the map {name} is part of {value}.",
            "The part of the world where {name} lies is {value}.",
            "{value} is the region where {name} lies.",
        ),
        "The region where {name} lies is",
        ("Which region is {name} in?", "What is the region of {name}?"),
        "Which part of the world is {name} in?",
    ),
    Relation(
        "element/symbol",
        (
            "The symbol of {name} is {value}.",
            "The element {name} has the symbol {value}.",
            "Chemists write {name} as {value}.",
            "The symbol that stands for {name} is {value}.",
            "When chemists write {name} they write {value}.",
            "{value} is the symbol of {name}.",
        ),
        "The symbol of the element {name} is",
        ("What is the symbol of {name}?", "Which symbol stands for {name}?"),
        "What symbol does the element {name} have?",
    ),
    Relation(
        "element/number",
        (
            "The atomic number of {name} is {value}.",
            "The element {name} has atomic number {value}.",
            "In the table {name} is number {value}.",
            "The number of protons in {name} is {value}.",
            "In the table the number of {name} is {value}.",
            "Number {value} in the table is {name}.",
        ),
        "The atomic number of the element {name} is",
        ("What is the atomic number of {name}?", "Which number does {name} have?"),
        "What number does the element {name} have?",
    ),
)


def relations_of(kind: str) -> list[Relation]:
    """The attributes that entities of this kind have."""
    return [relation for relation in RELATIONS if relation.kind == kind]
