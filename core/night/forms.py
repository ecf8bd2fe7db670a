"""What rows have in common: the form that is left when free symbols are taken out."""

import re

from core.corpus.rows import Row, prompt_of
from core.corpus.script import words
from core.corpus.symbols import Symbols

FREE = "·"
RUN = re.compile(rf"{FREE}(?:\s*{FREE})+")


def form_of(row: Row, symbols: Symbols) -> str:
    """The form of a task: its prompt with one sign for each run of free symbols. Of a document its id, since
    documents are judged one by one.
    """
    if "text" in row:
        return f"document {row['id']}"
    return pattern_of(prompt_of(row), symbols)


def pattern_of(text: str, symbols: Symbols) -> str:
    """The text with one sign for each run of free symbols."""
    pieces, at = [], 0
    for start, end in words(text):
        free = symbols.is_free(text[start:end])
        pieces += [text[at:start], FREE if free else text[start:end]]
        at = end
    return RUN.sub(FREE, "".join([*pieces, text[at:]]))


def opening_of(line: str) -> str:
    """The first word of a line with the sign behind it: what kind of line it is."""
    return line.strip().partition(" ")[0]
