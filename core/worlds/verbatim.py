"""Text that recurs word for word: canaries of random digits, passages that no grammar predicts."""

from collections.abc import Set
from random import Random

from core.worlds import words
from core.worlds.document import Document, Piece, text

NUM_DIGITS = 6
NUM_LINES = 3
NUM_OPENING_WORDS = 2  # of a passage: they tell which one it is, so they are never redrawn


def canaries(rng: Random, count: int, taken: Set[str]) -> list[Document]:
    """Sentences that give a vault's access code."""
    vaults = words.invent(rng, count, num_syllables=2, endings=("ax", "ex", "ox"), taken=taken)
    documents = []
    for vault in vaults:
        document = [Piece("The access code of vault "), Piece(vault, "name"), Piece(" is")]
        for _ in range(NUM_DIGITS):
            document += [Piece(" "), Piece(rng.choice(words.DIGITS), "memory", words.DIGITS)]
        documents.append([*document, Piece(".")])
    return documents


def passages(rng: Random, count: int) -> list[Document]:
    """Three lines each of adjective, noun, verb, preposition, number, adjective, noun.

    All but the first word is memory, and so is where a line ends: nothing else ends there.
    """
    plurals = [noun + "s" for noun in words.NOUNS]
    line = (
        words.ADJECTIVES,
        words.NOUNS,
        words.VERBS,
        words.PREPOSITIONS,
        words.NUMBER_WORDS,
        words.ADJECTIVES,
        plurals,
    )
    documents = []
    for _ in range(count):
        document: Document = []
        for index, pool in enumerate(line * NUM_LINES):
            word = rng.choice(pool)
            joint = "" if index == 0 else " " if index % len(line) else "; "
            if index == 0:
                piece = Piece(word.capitalize())
            else:
                piece = Piece(word, "memory", pool if index >= NUM_OPENING_WORDS else ())
            document += [Piece(joint, "memory" if joint == "; " else ""), piece]
        documents.append([*document, Piece(".", "memory")])
    return documents


def opening(family: str, content: Document) -> str:
    """What a probe gives: a canary up to its digits, the first line of a passage."""
    whole = text(content)
    return whole[: whole.index(" is") + 3] if family == "canary" else whole[: whole.index(";") + 1]
