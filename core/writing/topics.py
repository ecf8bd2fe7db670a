"""Topics: what is said of many subjects in one form, such as the capital of each country."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

LONGEST = 60  # characters of a subject or a value
MOST_WORDS = 7  # of either
NAMES, WORDS = "names", "words"  # what the subjects of a topic are: names, or common words


@dataclass(frozen=True)
class Topic:
    """A form with `{}` where the subject and then the value stand, and the value at its end.

    `subject` and `value` say of what kind these are: what is written as the value of one topic is asked for
    as a subject of others of that kind. `shown` are pairs to begin with.
    """

    name: str
    about: str  # NAMES or WORDS
    subject: str
    value: str
    statement: str
    question: str  # with {} for the subject
    shown: tuple[tuple[str, str], ...]

    def state(self, subject: str, value: str) -> str:
        """The statement."""
        return self.statement.format(subject, value)

    def begin(self, subject: str | None = None) -> str:
        """The statement up to its value, or up to its subject where none is given."""
        before, between, _ = self.statement.split("{}")
        return before.rstrip() if subject is None else f"{before}{subject}{between}".rstrip()

    def ask(self, subject: str) -> str:
        """The question."""
        return self.question.format(subject)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        before, between, after = map(re.escape, self.statement.split("{}"))
        return re.compile(f"{before}(.+?){between}(.+){after}")

    def read(self, line: str) -> tuple[str, str] | None:
        """Subject and value of a line that is such a statement; None for another line."""
        found = self._pattern.fullmatch(line.strip())
        if found is None:
            return None
        subject, value = (part.strip() for part in found.groups())
        is_plain = all(map(_is_plain, (subject, value)))
        return (subject, value) if is_plain and subject.lower() != value.lower() else None


def _is_plain(text: str) -> bool:
    """Whether it is a word or a name, and no clause."""
    short = 0 < len(text) <= LONGEST and len(text.split()) <= MOST_WORDS
    return short and not re.search(r"""[.,;:!?()\[\]{}"“”_<>=|/\\]""", text)


def topics_of(table: str, about: str) -> Iterator[Topic]:
    """Read lines `name | subject > value | statement | question`, each with a line of `subject: value; …`
    below it.
    """
    lines = [line.strip() for line in table.strip().splitlines() if line.strip()]
    for head, listed in zip(lines[::2], lines[1::2], strict=True):
        name, kinds, statement, question = (part.strip() for part in head.split(" | "))
        subject, value = kinds.split(" > ")
        pairs = (pair.split(":") for pair in listed.split(";"))
        shown = tuple((left.strip(), right.strip()) for left, right in pairs)
        yield Topic(name, about, subject, value, statement, question, shown)
