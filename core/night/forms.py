"""What rows have in common: the form that is left when free symbols are taken out."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from core.corpus.rows import Row, prompt_of
from core.corpus.symbols import SELDOM, Symbols

FREE = "·"
FORMED = 0.9  # of the tasks of a kind; a word that more of them have belongs to their form
RUN = re.compile(rf"{FREE}(?:\s*{FREE})+")


class Forms:
    """The forms of a day's rows.

    A word that many of its tasks begin with says what kind of task it is, and what nearly all of a kind have
    is the way in which it is put. These are no free symbols, though among all that a core writes others may
    stand in their place.
    """

    def __init__(self, rows: Sequence[Row], symbols: Symbols):
        self.symbols = symbols
        prompts = [prompt_of(row) for row in rows if "prompt" in row]
        firsts = Counter(map(opening_of, prompts))
        self.heads = {word for word, count in firsts.items() if count >= SELDOM}
        met: dict[str, Counter[str]] = defaultdict(Counter)
        for head, rest in map(self.split, prompts):
            met[head].update({word.lower() for word in symbols.words_of(rest)})
        self._fixed = {
            head: {word for word, count in met[head].items() if count > FORMED * firsts[head]}
            for head in self.heads
        }
        told = Counter(map(self._whole, prompts))
        self._common = {form for form, count in told.items() if count >= SELDOM}

    def split(self, text: str) -> tuple[str, str]:
        """The word that says what kind of task it is, if it begins with one, and the rest."""
        first = opening_of(text)
        at = text.index(first) + len(first) if first in self.heads else 0
        return text[:at], text[at:]

    def fixed(self, head: str) -> set[str]:
        """The words, in lower case, that nearly all tasks with this first word have behind it."""
        return self._fixed.get(head.strip(), set())

    def of(self, row: Row) -> str:
        """The form of a task: its prompt with one sign for each run of free symbols.

        Of forms that hardly any task has, the word that they begin with: who asks in sentences asks in many.
        Of a document its id, since documents are judged one by one.
        """
        if "text" in row:
            return f"document {row['id']}"
        head, form = self.split(prompt_of(row))[0], self._whole(prompt_of(row))
        return form if form in self._common or not head else head

    def _whole(self, prompt: str) -> str:
        head, rest = self.split(prompt)
        return head + self._pattern(rest, self.fixed(head))

    def by_form(self, rows: Sequence[Row]) -> dict[str, list[int]]:
        """The numbers of the rows of each form."""
        forms: dict[str, list[int]] = defaultdict(list)
        for number, row in enumerate(rows):
            forms[self.of(row)].append(number)
        return forms

    def _pattern(self, text: str, fixed: set[str]) -> str:
        pieces, at = [], 0
        for start, end in self.symbols.words(text):
            free = self.symbols.is_free(text[start:end]) and text[start:end].lower() not in fixed
            pieces += [text[at:start], FREE if free else text[start:end]]
            at = end
        return RUN.sub(FREE, "".join([*pieces, text[at:]]))


def opening_of(line: str) -> str:
    """The first word of a line with the sign behind it: what kind of line it is."""
    return line.strip().partition(" ")[0]
