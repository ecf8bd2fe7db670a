"""Statements of a corpus that end with a name: what they are about, what they say, and in what form."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.corpus.rows import Row, joined_text
from core.corpus.script import joined, sentences_of
from core.corpus.symbols import Symbols

LONGEST = 200  # characters of a statement
BLANK = "…"


@dataclass(frozen=True)
class Statement:
    """`text` without its last signs is `prompt`, a joint, and `value`; `subject` stands in the prompt.

    `form` is the text with both left out.
    """

    text: str
    prompt: str
    subject: str
    value: str
    form: str


def sentences(rows: Iterable[Row]) -> list[str]:
    """The sentences of rows, each once; none with a colon, which stands before a passage or an answer."""
    found = (s.strip() for row in rows for s in sentences_of(joined_text(row)))
    return list(dict.fromkeys(s for s in found if 0 < len(s) <= LONGEST and ":" not in s))


def statements(sentences: Iterable[str], symbols: Symbols) -> Iterator[Statement]:
    """Those that end with a free symbol and name a rarer one before it, one for each form and subject."""
    met = set()
    for text in sentences:
        found = _statement(text, symbols)
        if found and (found.form, found.subject.lower()) not in met:
            met.add((found.form, found.subject.lower()))
            yield found


def _statement(text: str, symbols: Symbols) -> Statement | None:
    end = len(text)
    while end and (text[end - 1].isspace() or unicodedata.category(text[end - 1])[0] == "P"):
        end -= 1
    *names, (start, stop, _) = [*symbols.runs_at(text)] or [(0, 0, ())]
    if not names or stop != end:
        return None
    first, last, _ = min(names, key=lambda run: min(symbols.num_texts[word] for word in run[2]))
    prompt, value, subject = text[:start].rstrip(), text[start:stop], text[first:last]
    before = {word.lower() for word in symbols.words_of(prompt) if len(word) > 1}
    if value in prompt or before & {word.lower() for word in symbols.words_of(value)}:
        return None  # to be read, at least in part, not recalled
    if joined([prompt, value]) != text[:stop]:
        return None  # a sign between them that no answer begins with
    form = f"{text[:first]}{BLANK}{text[last:start]}{BLANK}{text[stop:]}"
    return Statement(text, prompt, subject, value, form)
