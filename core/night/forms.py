"""What rows have in common: the form that is left when free symbols are taken out."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from core.corpus.rows import Row, prompt_of
from core.corpus.script import words
from core.corpus.symbols import SELDOM, Symbols

FREE = "·"
RUN = re.compile(rf"{FREE}(?:\s*{FREE})+")


class Forms:
    """The forms of a day's rows.

    A word that many of its tasks begin with says what kind of task it is. It is no free symbol, though among
    all that a core writes others may stand in its place.
    """

    def __init__(self, rows: Sequence[Row], symbols: Symbols):
        self.symbols = symbols
        firsts = Counter(opening_of(prompt_of(row)) for row in rows if "prompt" in row)
        self.heads = {word for word, count in firsts.items() if count >= SELDOM}

    def split(self, text: str) -> tuple[str, str]:
        """The word that says what kind of task it is, if it begins with one, and the rest."""
        first = opening_of(text)
        at = text.index(first) + len(first) if first in self.heads else 0
        return text[:at], text[at:]

    def of(self, row: Row) -> str:
        """The form of a task: its prompt with one sign for each run of free symbols.

        Of a document its id, since documents are judged one by one.
        """
        if "text" in row:
            return f"document {row['id']}"
        head, rest = self.split(prompt_of(row))
        return head + self._pattern(rest)

    def by_form(self, rows: Sequence[Row]) -> dict[str, list[int]]:
        """The numbers of the rows of each form."""
        forms: dict[str, list[int]] = defaultdict(list)
        for number, row in enumerate(rows):
            forms[self.of(row)].append(number)
        return forms

    def _pattern(self, text: str) -> str:
        pieces, at = [], 0
        for start, end in words(text):
            free = self.symbols.is_free(text[start:end])
            pieces += [text[at:start], FREE if free else text[start:end]]
            at = end
        return RUN.sub(FREE, "".join([*pieces, text[at:]]))


def opening_of(line: str) -> str:
    """The first word of a line with the sign behind it: what kind of line it is."""
    return line.strip().partition(" ")[0]
