"""Texts cut into the passages that a search finds: a sentence, or a few; of tables and lists, a record."""

import re
import textwrap

from core.corpus import script

MOST_CHARACTERS = 1000  # of a sentence; what is longer is no sentence, and cut between words
RECORD = 400  # characters of a table or a list that stay together
END = re.compile(r"[.!?…。！？।။።][\"'”’)\]」』]*$")


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, line by line.

    Lines that don't end as sentences do are a table or a list, and say nothing without each other. So they
    stay together; where they are too many, each part begins with the first of them.
    """
    found: list[str] = []
    for block in re.split(r"\n[^\S\n]*\n\s*", text.strip()):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        if len(lines) > 1 and 2 * sum(bool(END.search(line)) for line in lines) < len(lines):
            found += _records(lines)
        else:
            for sentence in script.sentences_of(block):
                found += textwrap.wrap(sentence, MOST_CHARACTERS)
    return found


def _records(lines: list[str]) -> list[str]:
    head, *rest = (piece for line in lines for piece in textwrap.wrap(line, MOST_CHARACTERS))
    records, size = [[head]], len(head)
    for line in rest:
        if size + len(line) > RECORD and len(records[-1]) > 1:
            records.append([head])
            size = len(head)
        records[-1].append(line)
        size += len(line)
    return ["\n".join(record) for record in records]


def passages_of(text: str, sentences_per_passage: int) -> list[str]:
    """A text in passages of so many sentences."""
    sentences = sentences_of(text)
    starts = range(0, len(sentences), sentences_per_passage)
    return [script.joined(sentences[at : at + sentences_per_passage]) for at in starts]
