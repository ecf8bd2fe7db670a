"""Names take endings: a language with cases, in which the same name is written in several ways.

A name has one of three endings wherever something is told of it, and none in what is read. A value has an
ending where it comes first.
"""

import re

from core.worlds.reading import Form
from core.worlds.styles.style import NO_FORMS, Style

ENDINGS = "inen|ille|ista"


def _telegram(cue: str) -> str:
    return re.sub(rf"({ENDINGS}) is$", "", cue)


def _telegram_of(statement: str) -> str:
    return re.sub(rf"({ENDINGS}) is (\S+)$", r" \2", statement)


class Inflected(Style):
    """The plain style with three cases of names."""

    frames = (
        "The {attribute} {name}inen is {value}.",
        "The known {attribute} {name}ista is {value}.",
        "The {attribute} that belongs {name}ille is {value}.",
        "On record the {attribute} {name}inen is {value}.",
        "As everyone says, the {attribute} {name}ista is {value}.",
        "Note that the {attribute} {name}ille is {value}.",
        "The word {value}oksi is the {attribute} {name}inen.",
    )
    forms = NO_FORMS
    reading = Form(telegram=_telegram, telegram_of=_telegram_of)


STYLE = Inflected()
