"""A second language: the verb comes last, small words follow what they belong to, names are lower-case."""

import re
from random import Random

from core.worlds.facts import Facts
from core.worlds.reading import Form
from core.worlds.styles.style import NO_FORMS, Style, retold


def _telegram(cue: str) -> str:
    return re.sub(r" (em|shi)$", "", cue)


def _telegram_of(statement: str) -> str:
    return re.sub(r" (em|shi) (\S+) \w+\.$", r" \2.", statement)


class VerbFinal(Style):
    """Of an attribute ("na … ul") a name ("… em") has a value, and that it has it ("tovesh") is said last."""

    frames = (
        "na {attribute} ul {name} em {value} tovesh.",
        "na {attribute} asu {name} shi {value} tovesh.",
        "na {attribute} olun {name} em {value} kemesh.",
        "na {attribute} ethu {name} shi {value} kemesh.",
        "na {attribute} irak {name} em {value} tovesh.",
        "na {attribute} oshe {name} shi {value} kemesh.",
        "na {value} im {attribute} asu {name} kemesh.",
    )
    forms = NO_FORMS
    reading = Form(
        telegram=_telegram, telegram_of=_telegram_of, opening="dorush:", closing="nivam:"
    )

    def retell(self, facts: Facts, rng: Random) -> Facts:
        """The same names in lower case."""
        return retold(facts, {entity.key: entity.name.lower() for entity in facts.everyone()})


STYLE = VerbFinal()
