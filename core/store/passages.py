"""Texts cut into the passages that a search finds: a sentence, or a few."""

import textwrap

from core.corpus import script

MOST_CHARACTERS = 1000  # of a sentence; what is longer is no sentence, and cut between words


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, its lines apart."""
    found = script.sentences_of(text.strip())
    return [piece for sentence in found for piece in textwrap.wrap(sentence, MOST_CHARACTERS)]


def passages_of(text: str, sentences_per_passage: int) -> list[str]:
    """A text in passages of so many sentences."""
    sentences = sentences_of(text)
    starts = range(0, len(sentences), sentences_per_passage)
    return [script.joined(sentences[at : at + sentences_per_passage]) for at in starts]
