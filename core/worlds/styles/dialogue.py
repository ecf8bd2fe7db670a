"""Two talk: one asks for an attribute, the other says whose it is and what."""

import re
from collections.abc import Iterator
from random import Random

from core.worlds import facts as plain
from core.worlds.document import Document
from core.worlds.facts import Entity, Facts
from core.worlds.reading import Form
from core.worlds.styles.style import NO_FORMS, Style

SPEAKERS = (("A", "B"), ("Q", "R"), ("Anna", "Paul"), ("Carl", "Rosa"), ("Lena", "Hugo"))


def _telegram(cue: str) -> str:
    return re.sub(r"( it)? is$", "", cue)


def _telegram_of(statement: str) -> str:
    return re.sub(r"( it)? is (\S+)$", r" \2", statement)


class Dialogue(Style):
    """A question and an answer, a line each, for every fact; in each dialogue others speak."""

    frames = (
        "A: What is the {attribute}?\nB: That of {name} is {value}.",
        "A: Tell me the {attribute}.\nB: That of {name} is {value}.",
        "A: Do you know the {attribute}?\nB: For {name} it is {value}.",
        "A: Which {attribute} is known?\nB: For {name} it is {value}.",
        "A: And the {attribute}?\nB: The one of {name} is {value}.",
        "A: The {attribute}, please.\nB: The one of {name} is {value}.",
        "A: What {attribute} has {name}?\nB: It is {value}.",
        "A: Is {value} the {attribute} of {name}?\nB: Yes.",
    )
    joint = "\n"
    forms = NO_FORMS
    reading = Form(telegram=_telegram, telegram_of=_telegram_of, joint="\n")

    def documents(
        self, entity: Entity, facts: Facts, rng: Random, count: int
    ) -> Iterator[Document]:
        """Dialogues of different wordings, each between two of the speakers."""
        for content in plain.documents(entity, facts, rng, count, self.joint):
            first, second = rng.choice(SPEAKERS)
            changed = [
                piece if piece.kind else piece._replace(text=_spoken(piece.text, first, second))
                for piece in content
            ]
            yield changed


def _spoken(text: str, first: str, second: str) -> str:
    names = {"A": first, "B": second}
    return re.sub(r"\b([AB]): ", lambda found: f"{names[found[1]]}: ", text)


STYLE = Dialogue()
